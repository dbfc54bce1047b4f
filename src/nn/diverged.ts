import { DivergenceError } from "../base/errors.js";

/**
 * What a trainer throws when it reads a loss that is not finite.
 *
 * @param before the records of the steps that were read together with that step and came before it
 */
export function diverged(
	caller: string,
	step: number,
	loss: number,
	lr: number,
	before: readonly { readonly step: number }[],
): DivergenceError {
	return new DivergenceError(
		`${caller}: the loss of step ${step} is ${loss}, so the weights are lost. The learning rate is probably too high: lr is ${lr} now. Load the last weights that were finite, and train with a tenth of it.`,
		step,
		loss,
		before,
	);
}

/** What is thrown if a model gives a number that is not finite outside training. */
export function notFinite(caller: string, what: string, value: number): DivergenceError {
	return new DivergenceError(
		`${caller}: the ${what} is ${value}: the model's weights are not finite, or so large that its values overflow. Load weights of a training that did not diverge.`,
		undefined,
		value,
	);
}
