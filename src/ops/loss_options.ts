import { checkWord } from "../base/arguments.js";

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
