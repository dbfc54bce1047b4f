import { ArgumentError, ShapeError } from "../gpu/errors.js";
import { formatShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkDType } from "./check.js";

/** @throws ArgumentError unless both numbers of channels divide into so many groups. */
export function checkGroups(operation: string, groups: number, inChannels: number, outChannels: number): void {
	if (!Number.isInteger(groups) || groups < 1 || inChannels % groups !== 0 || outChannels % groups !== 0)
		throw new ArgumentError(
			`${operation}: groups is ${groups}, but must divide the ${inChannels} input and the ${outChannels} output channels.`,
		);
}

/** @throws ShapeError unless the bias, where there is one, is [out]. */
export function checkBias(operation: string, bias: Tensor | undefined, outChannels: number): void {
	if (bias === undefined) return;
	checkDType(operation, "bias", bias, "float32");
	if (bias.shape.length !== 1 || bias.shape[0] !== outChannels)
		throw new ShapeError(`${operation}: bias must be [${outChannels}], but has shape ${formatShape(bias.shape)}.`);
}
