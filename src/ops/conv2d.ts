import { record } from "../autograd/tape.js";
import { ShapeError } from "../gpu/errors.js";
import { formatShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkDType, checkRank, commonGpu, type Pair, pair } from "./check.js";
import { checkBias, checkGroups } from "./check_convolution.js";
import { type Geometry, runBiasGrad, runConv2d, runConvTranspose2d, runWeightGrad } from "./convolution.js";

export interface Conv2dOptions {
	/** float32 [out] */
	readonly bias?: Tensor | undefined;
	/** Default 1. */
	readonly stride?: Pair;
	/** Zeros added on each side (default 0). */
	readonly padding?: Pair;
	/** Default 1. */
	readonly dilation?: Pair;
	/** Default 1; equal to the number of input channels it is a depthwise convolution. */
	readonly groups?: number;
}

/**
 * Two-dimensional convolution (cross-correlation, as torch.nn.functional.conv2d).
 *
 * @param input float32 [N, in, H, W]
 * @param weight float32 [out, in/groups, kH, kW]
 * @returns [N, out, H', W'] with H' = ⌊(H + 2·padding − dilation·(kH − 1) − 1) / stride⌋ + 1
 * @throws ShapeError, ArgumentError, DTypeError, DeviceMismatchError
 */
export function conv2d(input: Tensor, weight: Tensor, options: Conv2dOptions = {}): Tensor {
	const name = "conv2d";
	const { bias, groups = 1 } = options;
	commonGpu(name, input, weight, bias);
	checkDType(name, "input", input, "float32");
	checkDType(name, "weight", weight, "float32");
	checkRank(name, "input", input, 4, "[N, in, H, W]");
	checkRank(name, "weight", weight, 4, "[out, in/groups, kH, kW]");
	const geometry: Geometry = {
		stride: pair(name, "stride", options.stride ?? 1, 1),
		padding: pair(name, "padding", options.padding ?? 0, 0),
		dilation: pair(name, "dilation", options.dilation ?? 1, 1),
		groups,
	};
	const [batch, inChannels, inHeight, inWidth] = input.shape as [number, number, number, number];
	const [outChannels, groupInputs, kernelHeight, kernelWidth] = weight.shape as [number, number, number, number];
	checkGroups(name, groups, inChannels, outChannels);
	if (groupInputs * groups !== inChannels)
		throw new ShapeError(
			`${name}: input ${formatShape(input.shape)} has ${inChannels} channels, but weight ${formatShape(weight.shape)} with ${groups} group(s) takes ${groupInputs * groups}.`,
		);
	checkBias(name, bias, outChannels);
	const outHeight = outputLength(inHeight, kernelHeight, geometry, 0);
	const outWidth = outputLength(inWidth, kernelWidth, geometry, 1);
	if (outHeight < 1 || outWidth < 1)
		throw new ShapeError(
			`${name}: the kernel of weight ${formatShape(weight.shape)} (dilation ${formatShape(geometry.dilation)}) does not fit into input ${formatShape(input.shape)} with padding ${formatShape(geometry.padding)}.`,
		);

	const output = runConv2d(input, weight, bias, [batch, outChannels, outHeight, outWidth], geometry);
	return record(name, output, bias === undefined ? [input, weight] : [input, weight, bias], (gradient) => [
		input.requiresGrad ? runConvTranspose2d(gradient, weight, undefined, input.shape, geometry) : null,
		weight.requiresGrad ? runWeightGrad(input, gradient, weight.shape, geometry) : null,
		bias?.requiresGrad === true ? runBiasGrad(gradient) : null,
	]);
}

function outputLength(length: number, kernel: number, { stride, padding, dilation }: Geometry, axis: 0 | 1): number {
	return Math.floor((length + 2 * padding[axis] - dilation[axis] * (kernel - 1) - 1) / stride[axis]) + 1;
}
