import { checkWord } from "../base/arguments.js";
import type { Tensor } from "../tensor/tensor.js";
import { launchSum } from "./sum.js";

export interface LossOptions {
	/** What becomes of the losses: their mean (default), their sum, or a tensor of them. */
	readonly reduction?: LossReduction;
}

export type LossReduction = "mean" | "sum" | "none";

export const reductions = ["mean", "sum", "none"] as const satisfies readonly LossReduction[];

/** @throws ArgumentError unless it is the name of a reduction */
export function checkReduction(operation: string, reduction: LossReduction): LossReduction {
	return checkWord(operation, "reduction", reduction, reductions);
}

/** The losses, or factor · their sum; disposes of `losses` if it is not the result. */
export function reduceLosses(losses: Tensor, reduction: LossReduction): Tensor {
	if (reduction === "none") return losses;
	const sum = launchSum(losses, { r2: losses.size }, [], reduction === "mean" ? 1 / losses.size : 1);
	losses.dispose();
	return sum;
}
