import { ArgumentError, ShapeError } from "../../base/errors.js";
import { formatShape, type Shape } from "../../base/shape.js";
import type { Tensor } from "../../tensor/tensor.js";
import { checkRank, type Pair, pair } from "../check.js";
import { runConvolution } from "./operation.js";
import { type ConvolutionOptions, checkBias, checkGroups, checkOperands, geometryOf } from "./options.js";
import { type Geometry, planConv2d, planConvTranspose2d } from "./plan.js";
import { launchWeightGradient } from "./weight_gradient.js";

export interface ConvTranspose2dOptions extends ConvolutionOptions {
	/** Rows and columns added at the end, fewer than the stride or the dilation (default 0). */
	readonly outputPadding?: Pair;
}

/** The names of its options. */
export const convTranspose2dOptions = [
	"bias",
	"stride",
	"padding",
	"outputPadding",
	"dilation",
	"groups",
	"activation",
];

/** The options with their defaults, and the output's shape. @throws ShapeError, ArgumentError if they do not match */
function checkShapes(
	input: Shape,
	weight: Shape,
	options: ConvTranspose2dOptions,
): { geometry: Geometry; output: Shape } {
	const name = "convTranspose2d";
	checkRank(name, "input", input, 4, "[N, inChannels, H, W]");
	checkRank(name, "weight", weight, 4, "[inChannels, outChannels / groups, kH, kW]");
	const geometry = geometryOf(name, options);
	const { groups } = geometry;
	const { outputPadding: added = 0 } = options;
	const outputPadding = pair(name, "outputPadding", added, 0);
	for (const axis of [0, 1] as const)
		if (outputPadding[axis] >= Math.max(geometry.stride[axis], geometry.dilation[axis]))
			throw new ArgumentError(
				`${name}: outputPadding ${formatShape(outputPadding)} must be smaller than stride ${formatShape(geometry.stride)} or dilation ${formatShape(geometry.dilation)}.`,
			);
	const [batch, inChannels, inHeight, inWidth] = input;
	const [weightInputs, groupOutputs, kernelHeight, kernelWidth] = weight;
	checkGroups(name, groups, inChannels, groupOutputs * groups);
	if (weightInputs !== inChannels)
		throw new ShapeError(
			`${name}: input ${formatShape(input)} has ${inChannels} channels, but weight ${formatShape(weight)} takes ${weightInputs}.`,
		);
	const lengthOf = (length: number, kernel: number, axis: 0 | 1) =>
		(length - 1) * geometry.stride[axis] -
		2 * geometry.padding[axis] +
		geometry.dilation[axis] * (kernel - 1) +
		outputPadding[axis] +
		1;
	const height = lengthOf(inHeight, kernelHeight, 0);
	const width = lengthOf(inWidth, kernelWidth, 1);
	if (height < 1 || width < 1)
		throw new ShapeError(
			`${name}: input ${formatShape(input)} and weight ${formatShape(weight)} with padding ${formatShape(geometry.padding)} give an empty output of ${height} × ${width}.`,
		);
	return { geometry, output: [batch, groupOutputs * groups, height, width] };
}

/** The shape of `convTranspose2d(input, weight, options)`; errors as for `convTranspose2d`. */
export function convTranspose2dShape(input: Shape, weight: Shape, options: ConvTranspose2dOptions = {}): Shape {
	return checkShapes(input, weight, options).output;
}

/**
 * Two-dimensional transposed convolution, as torch.nn.functional.conv_transpose2d. `padding` crops the output, `outputPadding`
 * extends it by rows and columns that are computed like the others.
 *
 * @param input float32 [N, inChannels, H, W]
 * @param weight float32 [inChannels, outChannels / groups, kH, kW]
 * @returns float32 [N, outChannels, H', W'], H' = (H − 1)·stride − 2·padding + dilation·(kH − 1) + outputPadding + 1
 * @throws ShapeError if the shapes do not match, ArgumentError if an option is out of range, DTypeError, DeviceMismatchError
 * @example
 * const y = convTranspose2d(x, weight, { stride: 2, padding: 1, outputPadding: 1 });
 */
export function convTranspose2d(input: Tensor, weight: Tensor, options: ConvTranspose2dOptions = {}): Tensor {
	const name = "convTranspose2d";
	checkOperands(name, input, weight, options, convTranspose2dOptions);
	const { geometry, output } = checkShapes(input.shape, weight.shape, options);
	checkBias(name, options.bias, output[1]);

	return runConvolution({
		name,
		input,
		weight,
		options,
		forward: planConvTranspose2d(input.shape, weight.shape, output, geometry),
		inputGradient: () => planConv2d(output, weight.shape, input.shape, geometry),
		// The weight is that of a conv2d from the output to the input.
		weightGradient: (dy, withBias) =>
			launchWeightGradient(dy, input, weight.shape, geometry, withBias ? "input" : undefined),
	});
}
