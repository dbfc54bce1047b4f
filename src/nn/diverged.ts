import { DivergenceError } from "../base/errors.js";

/**
 * The error for a training step whose loss is not finite.
 *
 * @param before the records of the steps before it that were read together with it
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

/** The error for a number that a model computes outside training and that is not finite. */
export function notFinite(caller: string, what: string, value: number): DivergenceError {
	return new DivergenceError(
		`${caller}: the ${what} is ${value}: the model's weights are not finite, or so large that its values overflow. Load weights of a training that did not diverge.`,
		undefined,
		value,
	);
}
