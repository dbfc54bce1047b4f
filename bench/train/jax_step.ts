import { numpy as np, tree, valueAndGrad } from "@jax-js/jax";
import { type Arrays, arrayOf, lossOf } from "./jax_network.js";
import { settings } from "./problem.js";

/**
 * What a step changes: the weights, Adam's moments, and the powers of its decays, which correct their bias.
 */
export type State = {
	readonly weights: Arrays;
	readonly firstMoments: Arrays;
	readonly secondMoments: Arrays;
	readonly firstPower: np.Array;
	readonly secondPower: np.Array;
};

const [firstDecay, secondDecay] = [0.9, 0.999];

/** The state before the first step. It consumes the weights. */
export function initialState(weights: Arrays): State {
	const zeros = () => Object.fromEntries(Object.entries(weights).map(([name, { shape }]) => [name, np.zeros(shape)]));
	return {
		weights,
		firstMoments: zeros(),
		secondMoments: zeros(),
		firstPower: np.array(1),
		secondPower: np.array(1),
	};
}

/**
 * A training step: forward, backward, Adam. It consumes its arguments, and returns the next state and the
 * loss.
 */
export function stepOf(state: State, images: np.Array, dataVariance: number): [State, np.Array] {
	const loss = (weights: Arrays, images: np.Array) => lossOf(weights, images, dataVariance);
	const [value, gradients] = valueAndGrad(loss)(tree.ref(state.weights), images);
	const firstPower = state.firstPower.mul(firstDecay);
	const secondPower = state.secondPower.mul(secondDecay);
	const next: State = { weights: {}, firstMoments: {}, secondMoments: {}, firstPower, secondPower };
	for (const [name, weight] of Object.entries(state.weights)) {
		const gradient = arrayOf(gradients, name);
		const change = gradient.ref.mul(1 - firstDecay);
		const squareChange = np.square(gradient).mul(1 - secondDecay);
		const first = arrayOf(state.firstMoments, name).mul(firstDecay).add(change);
		const second = arrayOf(state.secondMoments, name).mul(secondDecay).add(squareChange);
		const mean = first.ref.div(np.subtract(1, firstPower.ref));
		const deviation = np.sqrt(second.ref.div(np.subtract(1, secondPower.ref)));
		next.weights[name] = weight.sub(mean.mul(settings.learningRate).div(deviation.add(settings.epsilon)));
		next.firstMoments[name] = first;
		next.secondMoments[name] = second;
	}
	return [next, value];
}
