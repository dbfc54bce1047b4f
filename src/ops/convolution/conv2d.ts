import { ShapeError } from "../../base/errors.js";
import { formatShape, type Shape } from "../../base/shape.js";
import type { Tensor } from "../../tensor/tensor.js";
import { checkRank, type Pair, pair } from "../check.js";
import { runConvolution } from "./operation.js";
import { type ConvolutionOptions, checkBias, checkGroups, checkOperands, geometryOf } from "./options.js";
import { type Geometry, planConv2d, planConvTranspose2d } from "./plan.js";
import { launchWeightGradient } from "./weight_gradient.js";

export interface Conv2dOptions extends ConvolutionOptions {
	/**
	 * Zeros added after the last row and column, if not as many as before the first (default: `padding`). A negative number leaves
	 * out the last rows or columns of the output. So a causal convolution needs no mask: a kernel [2, 3] with padding 1 and
	 * paddingEnd [0, 1] reads the row above and its own.
	 */
	readonly paddingEnd?: Pair | undefined;
}

/** The names of its options. */
export const conv2dOptions = ["bias", "stride", "padding", "paddingEnd", "dilation", "groups", "activation"];

/** The options with their defaults, and the output's shape. @throws ShapeError, ArgumentError if they do not match */
function checkShapes(input: Shape, weight: Shape, options: Conv2dOptions): { geometry: Geometry; output: Shape } {
	const name = "conv2d";
	checkRank(name, "input", input, 4, "[N, inChannels, H, W]");
	checkRank(name, "weight", weight, 4, "[outChannels, inChannels / groups, kH, kW]");
	const geometry = geometryOf(name, options);
	const { groups } = geometry;
	const [batch, inChannels, inHeight, inWidth] = input;
	const [outChannels, groupInputs, kernelHeight, kernelWidth] = weight;
	checkGroups(name, groups, inChannels, outChannels);
	if (groupInputs * groups !== inChannels)
		throw new ShapeError(
			`${name}: input ${formatShape(input)} has ${inChannels} channels, but weight ${formatShape(weight)} with ${groups} group(s) needs ${groupInputs * groups}.`,
		);
	const { paddingEnd = geometry.padding } = options;
	const end = pair(name, "paddingEnd", paddingEnd, Number.MIN_SAFE_INTEGER);
	const lengthOf = (length: number, kernel: number, axis: 0 | 1) =>
		Math.floor(
			(length + geometry.padding[axis] + end[axis] - geometry.dilation[axis] * (kernel - 1) - 1) /
				geometry.stride[axis],
		) + 1;
	const output = [batch, outChannels, lengthOf(inHeight, kernelHeight, 0), lengthOf(inWidth, kernelWidth, 1)] as const;
	if (output[2] < 1 || output[3] < 1)
		throw new ShapeError(
			`${name}: the kernel of weight ${formatShape(weight)} (dilation ${formatShape(geometry.dilation)}) does not fit into input ${formatShape(input)} with padding ${formatShape(geometry.padding)} and ${formatShape(end)}.`,
		);
	return { geometry, output };
}

/** The shape of `conv2d(input, weight, options)`; errors as for `conv2d`. */
export function conv2dShape(input: Shape, weight: Shape, options: Conv2dOptions = {}): Shape {
	return checkShapes(input, weight, options).output;
}

/**
 * Two-dimensional convolution (cross-correlation), as torch.nn.functional.conv2d.
 *
 * @param input float32 [N, inChannels, H, W]
 * @param weight float32 [outChannels, inChannels / groups, kH, kW]
 * @returns float32 [N, outChannels, H', W'], H' = ⌊(H + padding + paddingEnd − dilation·(kH − 1) − 1) / stride⌋ + 1
 * @throws ShapeError if the shapes do not match, ArgumentError if an option is out of range, DTypeError, DeviceMismatchError
 * @example
 * const y = conv2d(x, weight, { bias, stride: 2, padding: 1, activation: "relu" });
 */
export function conv2d(input: Tensor, weight: Tensor, options: Conv2dOptions = {}): Tensor {
	const name = "conv2d";
	checkOperands(name, input, weight, options, conv2dOptions);
	const { geometry, output } = checkShapes(input.shape, weight.shape, options);
	checkBias(name, options.bias, output[1]);

	return runConvolution({
		name,
		input,
		weight,
		options,
		forward: planConv2d(input.shape, weight.shape, output, geometry),
		inputGradient: () => planConvTranspose2d(output, weight.shape, input.shape, geometry),
		weightGradient: (dy, withBias) =>
			launchWeightGradient(input, dy, weight.shape, geometry, withBias ? "dy" : undefined),
	});
}
