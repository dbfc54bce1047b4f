import { checkNumber, wrongArgument } from "../base/arguments.js";
import type { Random } from "../base/random.js";
import { Conv2d } from "../nn/convolutions.js";
import { checkLayer, ReLU } from "../nn/layers.js";
import { add } from "../ops/binary.js";
import { checkParts } from "../ops/check.js";
import type { Gpu, Tensor } from "../tensor/tensor.js";
import { Stack } from "./stack.js";

/** The sizes of an encoder and its decoder. */
export interface NetworkOptions {
	/** Channels at a quarter of the images' size, even; at half the size there are half as many (default 64). */
	readonly hiddenChannels?: number;
	/**
	 * How many residual blocks there are at a quarter of the images' size, in encoder and decoder, or in each (default 0). One
	 * widens what a code sees of its image, or what a pixel is made of, by 8 pixels.
	 */
	readonly residualLayers?: number | readonly [encoder: number, decoder: number];
}

/**
 * A residual block of the paper (van den Oord et al., 2017, section 4.1): x + conv1×1(ReLU(conv3×3(ReLU(x)))), [B, C, h, w]
 * to the same, with C/2 channels between the two.
 */
export class ResidualBlock extends Stack {
	static override readonly name: string = "ResidualBlock";

	constructor(gpu: Gpu, random: Random, channels: number) {
		checkLayer("ResidualBlock", "channels", gpu, random, {});
		checkEven("ResidualBlock", "channels", channels);
		super([
			new ReLU(),
			new Conv2d(gpu, random, channels, channels / 2, 3, { padding: 1 }),
			new ReLU(),
			new Conv2d(gpu, random, channels / 2, channels, 1),
		]);
	}

	override forward(x: Tensor): Tensor {
		return add(x, super.forward(x));
	}
}

/** @throws ArgumentError unless it is an even number of at least 2 */
export function checkEven(caller: string, name: string, value: unknown): number {
	if (typeof value === "number" && Number.isInteger(value) && value >= 2 && value % 2 === 0) return value;
	throw wrongArgument(caller, name, "an even number of at least 2", value);
}

/**
 * The checks that encoder and decoder have in common.
 *
 * @param sizes those that must be whole numbers of at least 1
 */
export function checkNetwork(
	name: string,
	gpu: unknown,
	random: unknown,
	sizes: Readonly<Record<string, unknown>>,
	hidden: unknown,
	residualLayers: unknown,
): void {
	checkLayer(name, Object.keys(sizes).join(", "), gpu, random, sizes);
	checkResidualLayers(name, gpu as Gpu, checkEven(name, "hidden", hidden), residualLayers);
}

/** @throws ArgumentError unless it is a whole number, LimitError if the device cannot hold the weights of so many blocks */
export function checkResidualLayers(name: string, gpu: Gpu, hidden: number, residualLayers: unknown): void {
	const count = checkNumber(name, "residualLayers", residualLayers, { least: 0, whole: true });
	checkParts(name, gpu, "residualLayers", count, 5 * hidden * hidden);
}

/** Several blocks, to stand one after the other. */
export function residualBlocks(gpu: Gpu, random: Random, channels: number, count: number): ResidualBlock[] {
	return Array.from({ length: count }, () => new ResidualBlock(gpu, random, channels));
}
