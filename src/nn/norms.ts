import { checkArray, checkFlag, checkNumber, checkOptions } from "../base/arguments.js";
import { ArgumentError } from "../base/errors.js";
import { checkShape, type Shape } from "../base/shape.js";
import { checkBindable, checkGpu } from "../ops/check.js";
import { batchNorm2d, groupNorm, layerNorm } from "../ops/norms.js";
import type { Gpu, Parameter, Tensor } from "../tensor/tensor.js";
import { Layer, type LayerCost } from "./module.js";

export interface NormLayerOptions {
	/** ε, added to the variance (default 1e-5). */
	readonly eps?: number;
	/** Whether it has a weight and a bias (default true). */
	readonly affine?: boolean;
	/** Whether the weight has a bias next to it (default true). */
	readonly bias?: boolean;
}

const normOptions = ["eps", "affine", "bias"] as const satisfies readonly (keyof NormLayerOptions)[];

/** A layer with a weight that starts at 1 and a bias that starts at 0. */
abstract class NormLayer extends Layer {
	readonly weight: Parameter | undefined;
	readonly bias: Parameter | undefined;
	readonly eps: number;

	protected constructor(gpu: Gpu, shape: Shape, { eps = 1e-5, affine = true, bias = true }: NormLayerOptions) {
		super();
		const { name } = this.constructor;
		this.eps = checkNumber(name, "eps", eps, { least: 0 });
		checkFlag(name, "affine", affine);
		checkFlag(name, "bias", bias);
		const filled = (value: number) => {
			const size = shape.reduce((product, length) => product * length, 1);
			return gpu.parameter(new Float32Array(size).fill(value), shape);
		};
		this.weight = affine ? filled(1) : undefined;
		this.bias = affine && bias ? filled(0) : undefined;
	}

	override cost(input: Shape): LayerCost {
		checkShape(`${this.constructor.name}.cost`, input, "input");
		return { output: input, multiplyAdds: 0 };
	}
}

/**
 * torch.nn.LayerNorm: see `layerNorm`.
 *
 * @example
 * const norm = new LayerNorm(gpu, 64);
 * const y = norm.forward(x); // [..., 64]
 */
export class LayerNorm extends NormLayer {
	static override readonly name: string = "LayerNorm";

	/** The last lengths of the input. */
	readonly normalizedShape: Shape;

	/** @throws ArgumentError if an argument is out of range, LimitError if the device cannot bind the weight */
	constructor(gpu: Gpu, normalizedShape: number | Shape, options: NormLayerOptions = {}) {
		const name = "LayerNorm";
		checkGpu(name, gpu, `write new ${name}(gpu, normalizedShape)`);
		const shape = typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape;
		checkArray(name, "normalizedShape", shape, "the last lengths of the input such as [64]");
		for (const [i, length] of shape.entries())
			checkNumber(name, `normalizedShape[${i}]`, length, { least: 1, whole: true });
		if (shape.length === 0) throw new ArgumentError(`${name}: normalizedShape must have at least one length.`);
		checkOptions(name, options, normOptions);
		checkBindable(name, "normalizedShape", gpu, shape);
		super(gpu, shape, options);
		this.normalizedShape = [...shape];
	}

	override forward(x: Tensor): Tensor {
		const { weight, bias, eps } = this;
		return layerNorm(x, this.normalizedShape, { weight, bias, eps });
	}
}

/** torch.nn.GroupNorm: see `groupNorm`. */
export class GroupNorm extends NormLayer {
	static override readonly name: string = "GroupNorm";

	/**
	 * @param groups a divisor of the channels
	 * @throws ArgumentError if an argument is out of range
	 */
	constructor(
		gpu: Gpu,
		readonly groups: number,
		channels: number,
		options: NormLayerOptions = {},
	) {
		const name = "GroupNorm";
		checkGpu(name, gpu, `write new ${name}(gpu, groups, channels)`);
		checkNumber(name, "groups", groups, { least: 1, whole: true });
		checkNumber(name, "channels", channels, { least: 1, whole: true });
		if (channels % groups !== 0)
			throw new ArgumentError(`${name}: groups is ${groups}, but must divide the ${channels} channels.`);
		checkOptions(name, options, normOptions);
		super(gpu, [channels], options);
	}

	override forward(x: Tensor): Tensor {
		const { weight, bias, eps } = this;
		return groupNorm(x, this.groups, { weight, bias, eps });
	}
}

export interface BatchNormLayerOptions extends NormLayerOptions {
	/** The weight of a batch's statistics in the running ones (default 0.1). */
	readonly momentum?: number;
}

/**
 * torch.nn.BatchNorm2d: see `batchNorm2d`. In training it uses the statistics of the batch, and updates the running ones, which
 * it uses in evaluation, after `eval()`.
 */
export class BatchNorm2d extends NormLayer {
	static override readonly name: string = "BatchNorm2d";

	/** float32 [channels] */
	readonly runningMean: Tensor;
	/** float32 [channels] */
	readonly runningVar: Tensor;
	private readonly momentum: number;

	/** @throws ArgumentError if an argument is out of range */
	constructor(gpu: Gpu, channels: number, options: BatchNormLayerOptions = {}) {
		const name = "BatchNorm2d";
		checkGpu(name, gpu, `write new ${name}(gpu, channels)`);
		checkNumber(name, "channels", channels, { least: 1, whole: true });
		checkOptions(name, options, [...normOptions, "momentum"]);
		const { momentum = 0.1 } = options;
		checkNumber(name, "momentum", momentum, { least: 0, most: 1 });
		super(gpu, [channels], options);
		this.momentum = momentum;
		this.runningMean = gpu.keep(gpu.tensor(new Float32Array(channels)));
		this.runningVar = gpu.keep(gpu.tensor(new Float32Array(channels).fill(1)));
	}

	override forward(x: Tensor): Tensor {
		const { weight, bias, eps, training, runningMean, runningVar, momentum } = this;
		return batchNorm2d(x, { weight, bias, eps, training, runningMean, runningVar, momentum });
	}
}
