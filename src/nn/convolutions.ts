import { checkFlag, checkOptions } from "../base/arguments.js";
import type { Random } from "../base/random.js";
import { checkShape, type Shape, sizeOf } from "../base/shape.js";
import { checkBindable, type Pair, pair } from "../ops/check.js";
import {
	type ConvTranspose2dOptions,
	convTranspose2d,
	convTranspose2dOptions,
	convTranspose2dShape,
} from "../ops/convolution/conv_transpose2d.js";
import { type Conv2dOptions, conv2d, conv2dOptions, conv2dShape } from "../ops/convolution/conv2d.js";
import { type ConvolutionOptions, checkGroups, geometryOf } from "../ops/convolution/options.js";
import type { Gpu, Parameter, Tensor } from "../tensor/tensor.js";
import { checkLayer, type LayerOptions, uniformParameter } from "./layers.js";
import { Layer, type LayerCost } from "./module.js";

/** The options of an operation without the bias, which is a parameter of the layer. */
type OperationOptions<Options extends ConvolutionOptions> = Omit<Options, "bias">;

/** The options of a layer. */
type ConvolutionLayerOptions<Options extends ConvolutionOptions> = OperationOptions<Options> &
	LayerOptions & {
		/** Whether it has a bias (default true). */
		readonly bias?: boolean;
	};

/**
 * A layer with a convolution's weight and bias. Both start at U(±1/√fan_in),
 * fan_in = weight.size / weight.shape[0].
 */
abstract class ConvolutionLayer<Options extends ConvolutionOptions> extends Layer {
	readonly weight: Parameter;
	readonly bias: Parameter | undefined;
	readonly options: OperationOptions<Options>;

	protected constructor(
		gpu: Gpu,
		random: Random,
		outChannels: number,
		shape: Shape,
		{ bias = true, random: _, ...options }: ConvolutionLayerOptions<Options>,
	) {
		super();
		const { name } = this.constructor;
		checkBindable(name, "inChannels, outChannels and kernelSize", gpu, shape);
		this.options = options as unknown as OperationOptions<Options>;
		const bound = 1 / Math.sqrt(sizeOf(shape) / shape[0]);
		this.weight = uniformParameter(gpu, random, shape, bound);
		this.bias = bias ? uniformParameter(gpu, random, [outChannels], bound) : undefined;
	}

	/** The layer's operation, with its weight and bias. */
	protected abstract convolve(x: Tensor, options: OperationOptions<Options>): Tensor;

	override forward(x: Tensor): Tensor {
		return this.convolve(x, this.options);
	}

	override forwardRelu(x: Tensor): Tensor {
		if (this.options.activation !== undefined) return super.forwardRelu(x);
		return this.convolve(x, { ...this.options, activation: "relu" });
	}
}

/** The arguments of both layers, checked. @throws ArgumentError */
function checkArguments(
	name: string,
	gpu: Gpu,
	channels: { readonly inChannels: number; readonly outChannels: number },
	kernelSize: Pair,
	options: ConvolutionLayerOptions<ConvolutionOptions>,
	optionNames: readonly string[],
): { readonly random: Random; readonly kernel: readonly [number, number]; readonly groups: number } {
	checkOptions(name, options, [...optionNames, "random"]);
	const random = checkLayer(name, "inChannels, outChannels, kernelSize", gpu, options, channels);
	const kernel = pair(name, "kernelSize", kernelSize, 1);
	if (options.bias !== undefined) checkFlag(name, "bias", options.bias);
	const { groups } = geometryOf(name, options as OperationOptions<ConvolutionOptions>);
	checkGroups(name, groups, channels.inChannels, channels.outChannels);
	return { random, kernel, groups };
}

/**
 * torch.nn.Conv2d. Weight and bias start at U(±1/√fan_in),
 * fan_in = inChannels / groups · kH · kW.
 *
 * @example
 * const layer = new Conv2d(gpu, 1, 32, 3, { stride: 2, padding: 1 });
 * const y = layer.forward(x); // [N, 1, 28, 28] → [N, 32, 14, 14]
 */
export class Conv2d extends ConvolutionLayer<Conv2dOptions> {
	static override readonly name: string = "Conv2d";

	/**
	 * @param kernelSize one number, or [height, width]
	 * @throws ArgumentError, LimitError if the device cannot bind the weight
	 */
	constructor(
		gpu: Gpu,
		inChannels: number,
		outChannels: number,
		kernelSize: Pair,
		options: ConvolutionLayerOptions<Conv2dOptions> = {},
	) {
		const channels = { inChannels, outChannels };
		const { random, kernel, groups } = checkArguments("Conv2d", gpu, channels, kernelSize, options, conv2dOptions);
		if (options.paddingEnd !== undefined) pair("Conv2d", "paddingEnd", options.paddingEnd, Number.MIN_SAFE_INTEGER);
		super(gpu, random, outChannels, [outChannels, inChannels / groups, ...kernel], options);
	}

	protected override convolve(x: Tensor, options: OperationOptions<Conv2dOptions>): Tensor {
		return conv2d(x, this.weight, { ...options, bias: this.bias });
	}

	override cost(input: Shape): LayerCost {
		checkShape("Conv2d.cost", input, "input");
		const output = conv2dShape(input, this.weight.shape, this.options);
		return { output, multiplyAdds: (sizeOf(output) * this.weight.size) / output[1] };
	}
}

/**
 * torch.nn.ConvTranspose2d. Weight and bias start at U(±1/√fan_in). As PyTorch does, fan_in is
 * taken from the weight's second axis: outChannels / groups · kH · kW.
 *
 * @example
 * const layer = new ConvTranspose2d(gpu, 32, 1, 3, { stride: 2, padding: 1, outputPadding: 1 });
 * const y = layer.forward(x); // [N, 32, 14, 14] → [N, 1, 28, 28]
 */
export class ConvTranspose2d extends ConvolutionLayer<ConvTranspose2dOptions> {
	static override readonly name: string = "ConvTranspose2d";

	/**
	 * @param kernelSize one number, or [height, width]
	 * @throws ArgumentError, LimitError if the device cannot bind the weight
	 */
	constructor(
		gpu: Gpu,
		inChannels: number,
		outChannels: number,
		kernelSize: Pair,
		options: ConvolutionLayerOptions<ConvTranspose2dOptions> = {},
	) {
		const name = "ConvTranspose2d";
		const channels = { inChannels, outChannels };
		const { random, kernel, groups } = checkArguments(name, gpu, channels, kernelSize, options, convTranspose2dOptions);
		if (options.outputPadding !== undefined) pair(name, "outputPadding", options.outputPadding, 0);
		super(gpu, random, outChannels, [inChannels, outChannels / groups, ...kernel], options);
	}

	protected override convolve(x: Tensor, options: OperationOptions<ConvTranspose2dOptions>): Tensor {
		return convTranspose2d(x, this.weight, { ...options, bias: this.bias });
	}

	override cost(input: Shape): LayerCost {
		checkShape("ConvTranspose2d.cost", input, "input");
		const output = convTranspose2dShape(input, this.weight.shape, this.options);
		return { output, multiplyAdds: (sizeOf(input) * this.weight.size) / input[1] };
	}
}
