import type { Random } from "../base/random.js";
import { type Shape, sizeOf } from "../base/shape.js";
import { Conv2d } from "../nn/convolutions.js";
import { type LayerCost, Module } from "../nn/module.js";
import { add } from "../ops/binary.js";
import { checkBindable } from "../ops/check.js";
import { embedding } from "../ops/embedding.js";
import { gatedActivation } from "../ops/gated_activation.js";
import type { Gpu, Parameter, Tensor } from "../tensor/tensor.js";

/** The standard deviation of the initial parameters of classes and positions; that of the codes is 1. */
const spread = 0.1;

/** A parameter that is drawn from N(0, 0.1²). */
export function smallNormal(gpu: Gpu, random: Random, shape: Shape): Parameter {
	checkBindable("GatedPixelCNN", "channels, height, width and numClasses", gpu, shape);
	return gpu.parameter(
		Float32Array.from({ length: sizeOf(shape) }, () => random.normal(0, spread)),
		shape,
	);
}

/** The two stacks, float32 [B, C, h, w] each. */
export interface Stacks {
	/** Depends on the rows above. The last layer has none, since nothing reads it. */
	readonly vertical: Tensor | undefined;
	/** Depends on the rows above and on the positions to the left. */
	readonly horizontal: Tensor;
}

export interface GatedLayerOptions {
	readonly channels: number;
	/** k, odd: the receptive field reaches ⌊k/2⌋ positions further. */
	readonly kernelSize: number;
	/** 0 for none. */
	readonly numClasses: number;
	/** Whether it is the first layer, whose input contains the position's own code. */
	readonly first: boolean;
	readonly last: boolean;
}

/**
 * A layer of the gated PixelCNN (van den Oord et al., "Conditional image generation with PixelCNN decoders",
 * 2016, figure 2). Instead of masks its convolutions have only the taps that a position may depend on:
 * [⌊k/2⌋ + 1, k] and [1, ⌊k/2⌋ + 1]. In the first layer these are without the position's own row, and without
 * the position itself.
 */
export class GatedLayer extends Module {
	static override readonly name: string = "GatedLayer";

	readonly verticalConv: Conv2d;
	readonly verticalToHorizontal: Conv2d;
	readonly horizontalConv: Conv2d;
	readonly horizontalOut: Conv2d;
	/** float32 [classes, 2C], added before the gates */
	readonly verticalClasses: Parameter | undefined;
	readonly horizontalClasses: Parameter | undefined;

	constructor(
		gpu: Gpu,
		random: Random,
		private readonly options: GatedLayerOptions,
	) {
		super();
		const { channels, kernelSize, numClasses, first, last } = options;
		const reach = Math.floor(kernelSize / 2);
		const own = first ? 0 : 1;
		this.verticalConv = new Conv2d(gpu, channels, 2 * channels, [reach + own, kernelSize], {
			padding: reach,
			paddingEnd: [own - 1, reach],
			random,
		});
		this.verticalToHorizontal = new Conv2d(gpu, 2 * channels, 2 * channels, 1, { random });
		this.horizontalConv = new Conv2d(gpu, channels, 2 * channels, [1, reach + own], {
			padding: [0, reach],
			paddingEnd: [0, own - 1],
			random,
		});
		this.horizontalOut = new Conv2d(gpu, channels, channels, 1, { random });
		if (numClasses === 0) return;
		if (!last) this.verticalClasses = smallNormal(gpu, random, [numClasses, 2 * channels]);
		this.horizontalClasses = smallNormal(gpu, random, [numClasses, 2 * channels]);
	}

	/**
	 * @param labels uint32 [B], for a model with classes
	 * @param drop the dropout of the gated values [B, C, h, w], before the 1×1 convolution of the horizontal
	 * stack
	 */
	forward(
		{ vertical, horizontal }: Stacks,
		labels: Tensor<"uint32"> | undefined,
		drop: (gated: Tensor) => Tensor,
	): Stacks {
		const { first, last } = this.options;
		const biasOf = (classes: Parameter | undefined) =>
			classes === undefined || labels === undefined ? undefined : embedding(labels, classes);
		const above = this.verticalConv.forward(vertical ?? horizontal);
		const gated = gatedActivation(this.horizontalConv.forward(horizontal), {
			plus: this.verticalToHorizontal.forward(above),
			bias: biasOf(this.horizontalClasses),
		});
		const out = this.horizontalOut.forward(drop(gated));
		return {
			vertical: last ? undefined : gatedActivation(above, { bias: biasOf(this.verticalClasses) }),
			horizontal: first ? out : add(horizontal, out),
		};
	}

	override cost(input: Shape): LayerCost {
		const both = input.with(1, 2 * this.options.channels);
		const costs = [
			this.verticalConv.cost(input),
			this.verticalToHorizontal.cost(both),
			this.horizontalConv.cost(input),
			this.horizontalOut.cost(input),
		];
		return { output: input, multiplyAdds: costs.reduce((sum, { multiplyAdds }) => sum + multiplyAdds, 0) };
	}
}
