import { checkOptions } from "../base/arguments.js";
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
import { checkLayer } from "./layers.js";
import { Layer, type LayerCost } from "./module.js";

/** The options of a layer: those of its operation without the bias, which is a parameter. */
type LayerOptions<Options extends ConvolutionOptions> = Omit<Options, "bias">;

/**
 * A layer with a convolution's weight and bias. Both start at U(±1/√fan_in),
 * fan_in = weight.size / weight.shape[0].
 */
abstract class ConvolutionLayer<Options extends ConvolutionOptions> extends Layer {
	readonly weight: Parameter;
	readonly bias: Parameter;

	protected constructor(
		gpu: Gpu,
		random: Random,
		outChannels: number,
		shape: Shape,
		readonly options: LayerOptions<Options>,
	) {
		super();
		const { name } = this.constructor;
		checkBindable(name, "inChannels, outChannels and kernelSize", gpu, shape);
		const bound = 1 / Math.sqrt(sizeOf(shape) / shape[0]);
		const parameter = (of: Shape) =>
			gpu.parameter(
				Float32Array.from({ length: sizeOf(of) }, () => random.uniform(-bound, bound)),
				of,
			);
		this.weight = parameter(shape);
		this.bias = parameter([outChannels]);
	}

	/** The layer's operation, with its weight and bias. */
	protected abstract convolve(x: Tensor, options: LayerOptions<Options>): Tensor;

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
	random: Random,
	channels: { readonly inChannels: number; readonly outChannels: number },
	kernelSize: Pair,
	options: LayerOptions<ConvolutionOptions>,
	optionNames: readonly string[],
): { readonly kernel: readonly [number, number]; readonly groups: number } {
	checkLayer(name, "inChannels, outChannels, kernelSize", gpu, random, channels);
	const kernel = pair(name, "kernelSize", kernelSize, 1);
	const names = optionNames.filter((option) => option !== "bias");
	checkOptions(name, options, names);
	const { groups } = geometryOf(name, options);
	checkGroups(name, groups, channels.inChannels, channels.outChannels);
	return { kernel, groups };
}

/**
 * torch.nn.Conv2d with a bias. Weight and bias start at U(±1/√fan_in),
 * fan_in = inChannels / groups · kH · kW.
 *
 * @example
 * const layer = new Conv2d(gpu, new Random(0), 1, 32, 3, { stride: 2, padding: 1 });
 * const y = layer.forward(x); // [N, 1, 28, 28] → [N, 32, 14, 14]
 */
export class Conv2d extends ConvolutionLayer<Conv2dOptions> {
	static override readonly name: string = "Conv2d";

	/**
	 * @param random draws the first weights
	 * @param kernelSize one number, or [height, width]
	 * @throws ArgumentError, LimitError if the device cannot bind the weight
	 */
	constructor(
		gpu: Gpu,
		random: Random,
		inChannels: number,
		outChannels: number,
		kernelSize: Pair,
		options: LayerOptions<Conv2dOptions> = {},
	) {
		const channels = { inChannels, outChannels };
		const { kernel, groups } = checkArguments("Conv2d", gpu, random, channels, kernelSize, options, conv2dOptions);
		if (options.paddingEnd !== undefined) pair("Conv2d", "paddingEnd", options.paddingEnd, Number.MIN_SAFE_INTEGER);
		super(gpu, random, outChannels, [outChannels, inChannels / groups, ...kernel], options);
	}

	protected override convolve(x: Tensor, options: LayerOptions<Conv2dOptions>): Tensor {
		return conv2d(x, this.weight, { ...options, bias: this.bias });
	}

	override cost(input: Shape): LayerCost {
		checkShape("Conv2d.cost", input, "input");
		const output = conv2dShape(input, this.weight.shape, this.options);
		return { output, multiplyAdds: (sizeOf(output) * this.weight.size) / output[1] };
	}
}

/**
 * torch.nn.ConvTranspose2d with a bias. Weight and bias start at U(±1/√fan_in). As PyTorch does, fan_in is
 * taken from the weight's second axis: outChannels / groups · kH · kW.
 *
 * @example
 * const layer = new ConvTranspose2d(gpu, new Random(0), 32, 1, 3, { stride: 2, padding: 1, outputPadding: 1 });
 * const y = layer.forward(x); // [N, 32, 14, 14] → [N, 1, 28, 28]
 */
export class ConvTranspose2d extends ConvolutionLayer<ConvTranspose2dOptions> {
	static override readonly name: string = "ConvTranspose2d";

	/**
	 * @param random draws the first weights
	 * @param kernelSize one number, or [height, width]
	 * @throws ArgumentError, LimitError if the device cannot bind the weight
	 */
	constructor(
		gpu: Gpu,
		random: Random,
		inChannels: number,
		outChannels: number,
		kernelSize: Pair,
		options: LayerOptions<ConvTranspose2dOptions> = {},
	) {
		const name = "ConvTranspose2d";
		const channels = { inChannels, outChannels };
		const { kernel, groups } = checkArguments(name, gpu, random, channels, kernelSize, options, convTranspose2dOptions);
		if (options.outputPadding !== undefined) pair(name, "outputPadding", options.outputPadding, 0);
		super(gpu, random, outChannels, [inChannels, outChannels / groups, ...kernel], options);
	}

	protected override convolve(x: Tensor, options: LayerOptions<ConvTranspose2dOptions>): Tensor {
		return convTranspose2d(x, this.weight, { ...options, bias: this.bias });
	}

	override cost(input: Shape): LayerCost {
		checkShape("ConvTranspose2d.cost", input, "input");
		const output = convTranspose2dShape(input, this.weight.shape, this.options);
		return { output, multiplyAdds: (sizeOf(input) * this.weight.size) / input[1] };
	}
}
