import { checkInstance, checkNumber, wrongArgument } from "../base/arguments.js";
import { Random } from "../base/random.js";
import { Conv2d } from "../nn/convolutions.js";
import { ReLU } from "../nn/layers.js";
import { add } from "../ops/binary.js";
import { checkGpu, checkParts } from "../ops/check.js";
import type { Gpu, Tensor } from "../tensor/tensor.js";
import { Stack } from "./stack.js";

/** The sizes of an encoder and a decoder. */
export interface NetworkOptions {
	/**
	 * The channels at a quarter of the images' size, an even number; at half the size there are half as many
	 * (default 64).
	 */
	readonly hiddenChannels?: number;
	/**
	 * The number of residual blocks at a quarter of the images' size, in the encoder and in the decoder, or
	 * [encoder, decoder] (default 0). Each widens the receptive field by 8 pixels.
	 */
	readonly residualLayers?: number | readonly [encoder: number, decoder: number];
}

/**
 * A residual block of the paper (van den Oord et al., 2017, section 4.1):
 * x + conv1×1(ReLU(conv3×3(ReLU(x)))), with C/2 channels between the two convolutions.
 *
 * float32 [B, C, h, w] → float32 [B, C, h, w]
 */
export class ResidualBlock extends Stack {
	static override readonly name: string = "ResidualBlock";

	/**
	 * @param channels C, an even number
	 * @throws ArgumentError if the channels are out of range, LimitError if the device cannot hold the
	 * weights
	 */
	constructor(gpu: Gpu, random: Random, channels: number) {
		checkSource("ResidualBlock", "channels", gpu, random);
		checkEven("ResidualBlock", "channels", channels);
		super([
			new ReLU(),
			new Conv2d(gpu, channels, channels / 2, 3, { padding: 1, random }),
			new ReLU(),
			new Conv2d(gpu, channels / 2, channels, 1, { random }),
		]);
	}

	override forward(x: Tensor): Tensor {
		return add(x, super.forward(x));
	}
}

/**
 * @param others the arguments after `gpu` and `random`, as in a call
 * @throws ArgumentError unless they are a device and a Random
 */
function checkSource(name: string, others: string, gpu: unknown, random: unknown): void {
	const form = `write new ${name}(gpu, new Random(seed), ${others})`;
	checkGpu(name, gpu, form);
	checkInstance(name, "random", random, Random, "a Random", form);
}

/** @throws ArgumentError unless the value is an even number of at least 2 */
export function checkEven(caller: string, name: string, value: unknown): number {
	if (typeof value === "number" && Number.isInteger(value) && value >= 2 && value % 2 === 0) return value;
	throw wrongArgument(caller, name, "an even number of at least 2", value);
}

/**
 * The checks that the constructors of encoder and decoder share.
 *
 * @param sizes arguments that must be whole numbers of at least 1
 * @throws ArgumentError if an argument is out of range, LimitError if the device cannot hold the weights
 */
export function checkNetwork(
	name: string,
	gpu: unknown,
	random: unknown,
	sizes: Readonly<Record<string, unknown>>,
	hidden: unknown,
	residualLayers: unknown,
): void {
	checkSource(name, Object.keys(sizes).join(", "), gpu, random);
	for (const [size, value] of Object.entries(sizes)) checkNumber(name, size, value, { least: 1, whole: true });
	checkResidualLayers(name, gpu as Gpu, checkEven(name, "hidden", hidden), residualLayers);
}

/**
 * @throws ArgumentError unless the value is a whole number, LimitError if the device cannot hold so many
 * blocks' weights
 */
export function checkResidualLayers(name: string, gpu: Gpu, hidden: number, residualLayers: unknown): void {
	const count = checkNumber(name, "residualLayers", residualLayers, { least: 0, whole: true });
	checkParts(name, gpu, "residualLayers", count, 5 * hidden * hidden);
}

export function residualBlocks(gpu: Gpu, random: Random, channels: number, count: number): ResidualBlock[] {
	return Array.from({ length: count }, () => new ResidualBlock(gpu, random, channels));
}
