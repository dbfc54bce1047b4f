import { checkNumber, checkOptions } from "../base/arguments.js";
import { ShapeError } from "../base/errors.js";
import { formatShape } from "../base/shape.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkRank, commonGpu } from "./check.js";
import { conv2d } from "./convolution/conv2d.js";
import { checkBias, checkGroups } from "./convolution/options.js";
import { squeeze, unsqueeze } from "./reshape.js";

export interface Conv1dOptions {
	/** float32 [outChannels] (default: none). */
	readonly bias?: Tensor | undefined;
	/** Default 1. */
	readonly stride?: number;
	/** Zeros added before the first and after the last position (default 0). */
	readonly padding?: number;
	/** Default 1. */
	readonly dilation?: number;
	/** Default 1. */
	readonly groups?: number;
}

/**
 * One-dimensional convolution (cross-correlation), as torch.nn.functional.conv1d.
 *
 * @param input float32 [N, inChannels, L]
 * @param weight float32 [outChannels, inChannels / groups, k]
 * @returns float32 [N, outChannels, L'], L' = ⌊(L + 2 · padding − dilation · (k − 1) − 1) / stride⌋ + 1
 * @throws ShapeError if the shapes do not match, ArgumentError if an option is out of range, DTypeError, DeviceMismatchError
 * @example
 * const y = conv1d(x, weight, { bias, padding: 1 });
 */
export function conv1d(input: Tensor, weight: Tensor, options: Conv1dOptions = {}): Tensor {
	const name = "conv1d";
	checkTensor(name, "input", input, "float32");
	checkTensor(name, "weight", weight, "float32");
	checkRank(name, "input", input.shape, 3, "[N, inChannels, L]");
	checkRank(name, "weight", weight.shape, 3, "[outChannels, inChannels / groups, k]");
	checkOptions(name, options, ["bias", "stride", "padding", "dilation", "groups"]);
	const { bias, stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
	for (const [option, value, least] of [
		["stride", stride, 1],
		["padding", padding, 0],
		["dilation", dilation, 1],
	] as const)
		checkNumber(name, option, value, { least, whole: true });
	checkNumber(name, "groups", groups, { least: 1, whole: true });
	if (bias !== undefined) checkTensor(name, "bias", bias, "float32");
	commonGpu(name, input, weight, bias);
	const [, inChannels, length] = input.shape;
	const [outChannels, groupInputs, kernel] = weight.shape;
	checkGroups(name, groups, inChannels, outChannels);
	checkBias(name, bias, outChannels);
	if (groupInputs * groups !== inChannels || length + 2 * padding < dilation * (kernel - 1) + 1)
		throw new ShapeError(
			`${name}: weight ${formatShape(weight.shape)} with ${groups} group(s) and dilation ${dilation} does not fit input ${formatShape(input.shape)} with padding ${padding}: it needs ${groupInputs * groups} channels and ${dilation * (kernel - 1) + 1} positions.`,
		);
	const y = conv2d(unsqueeze(input, 2), unsqueeze(weight, 2), {
		bias,
		stride: [1, stride],
		padding: [0, padding],
		dilation: [1, dilation],
		groups,
	});
	return squeeze(y, 2);
}
