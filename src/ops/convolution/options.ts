import { checkNumber, checkOptions, checkWord } from "../../base/arguments.js";
import { ArgumentError, ShapeError } from "../../base/errors.js";
import { formatShape } from "../../base/shape.js";
import { checkTensor } from "../../tensor/check_tensor.js";
import type { Tensor } from "../../tensor/tensor.js";
import { commonGpu, type Pair, pair } from "../check.js";
import type { Geometry } from "./plan.js";

/** The options that conv2d and convTranspose2d share. */
export interface ConvolutionOptions {
	/** float32 [outChannels] */
	readonly bias?: Tensor | undefined;
	/** Default 1. */
	readonly stride?: Pair;
	/** Zeros added on each side of the input; of a transposed convolution, rows and columns cropped from the output (default 0). */
	readonly padding?: Pair;
	/** Default 1. */
	readonly dilation?: Pair;
	/** Default 1; as many as input channels: a depthwise convolution. */
	readonly groups?: number;
	/** "relu": max(·, 0) of the result, in the same pass (as torch.ao.nn.intrinsic.ConvReLU2d does). Default: none. */
	readonly activation?: "relu" | undefined;
}

/** @throws ArgumentError, DTypeError, DisposedError, DeviceMismatchError unless they are tensors of one device, and options */
export function checkOperands(
	operation: string,
	input: Tensor,
	weight: Tensor,
	options: ConvolutionOptions,
	optionNames: readonly string[],
): void {
	checkTensor(operation, "input", input, "float32");
	checkTensor(operation, "weight", weight, "float32");
	checkOptions(operation, options, optionNames);
	const { bias } = options;
	if (bias !== undefined) checkTensor(operation, "bias", bias, "float32");
	commonGpu(operation, input, weight, bias);
}

/** The options with their defaults. @throws ArgumentError if one is out of range */
export function geometryOf(operation: string, options: ConvolutionOptions): Geometry {
	const { stride = 1, padding = 0, dilation = 1, groups = 1, activation } = options;
	if (activation !== undefined) checkWord(operation, "activation", activation, ["relu"]);
	checkNumber(operation, "groups", groups, { least: 1, whole: true });
	return {
		stride: pair(operation, "stride", stride, 1),
		padding: pair(operation, "padding", padding, 0),
		dilation: pair(operation, "dilation", dilation, 1),
		groups,
	};
}

/** @throws ArgumentError unless `groups` divides both numbers of channels */
export function checkGroups(operation: string, groups: number, inChannels: number, outChannels: number): void {
	if (inChannels % groups !== 0 || outChannels % groups !== 0)
		throw new ArgumentError(
			`${operation}: groups is ${groups}, but must divide the ${inChannels} input and the ${outChannels} output channels.`,
		);
}

/** @throws ShapeError if there is a bias that is not [outChannels] */
export function checkBias(operation: string, bias: Tensor | undefined, outChannels: number): void {
	if (bias === undefined) return;
	if (bias.shape.length !== 1 || bias.shape[0] !== outChannels)
		throw new ShapeError(`${operation}: bias must be [${outChannels}], but has shape ${formatShape(bias.shape)}.`);
}
