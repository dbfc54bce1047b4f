import { DivergenceError } from "../../base/errors.js";

/**
 * The error of a training that has diverged, in terms of the command line.
 *
 * @param rates the learning rate, and the command's default
 * @param saved the file of the weights, and the step that they are of, if there are any
 */
export function explainDivergence(
	{ step, value, message }: DivergenceError,
	rates: { readonly lr: number; readonly standard: number },
	saved: { readonly file: string; readonly step: number | undefined },
): DivergenceError {
	const what =
		step === undefined ? message : `The training diverged at step ${step}, where the loss or a weight became ${value}.`;
	const lower = rates.lr > 10 * rates.standard ? `${rates.standard}, the default,` : String(rates.lr / 10);
	const kept =
		saved.step === undefined
			? "No epoch had ended, so no weights were written."
			: `${saved.file} holds the weights after step ${saved.step}, the last that were saved, which are finite.`;
	return new DivergenceError(
		`${what} Probably --lr ${rates.lr} is too high: try ${lower} or less. ${kept}`,
		step,
		value,
	);
}
