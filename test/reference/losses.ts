import { type Array64, map, zeros } from "./array.js";
import { forEachLine, logSoftmax } from "./softmax.js";

/** scale · mean((a − b)²). */
export function mseLoss(a: Array64, b: Array64, scale = 1): number {
	return (scale * a.data.reduce((total, value, i) => total + (value - b.data[i]) ** 2, 0)) / a.data.length;
}

/** The gradients of {@link mseLoss}: ± 2 · scale · (a − b) / n, times the loss's own gradient. */
export function mseLossBackward(a: Array64, b: Array64, scale = 1, dy = 1): { a: Array64; b: Array64 } {
	const gradient = map(a, (value, i) => (2 * scale * dy * (value - b.data[i])) / a.data.length);
	return { a: gradient, b: map(gradient, (value) => -value) };
}

/** mean(−log softmax(logits)[target]) with the classes along `axis`; a target a line, row-major; ∞ if one is no class. */
export function crossEntropy(logits: Array64, targets: ArrayLike<number>, axis = 1): number {
	const logProbabilities = logSoftmax(logits, axis);
	let total = 0;
	forEachLine(logits.shape, axis, (positions, line) => {
		const position = positions[targets[line]];
		total -= position === undefined ? Number.NEGATIVE_INFINITY : logProbabilities.data[position];
	});
	return total / targets.length;
}

/** The gradient of {@link crossEntropy}: (softmax(logits) − one-hot(target)) / count, times the loss's own gradient. */
export function crossEntropyBackward(logits: Array64, targets: ArrayLike<number>, axis = 1, dy = 1): Array64 {
	const logProbabilities = logSoftmax(logits, axis);
	const gradient = zeros(logits.shape);
	forEachLine(logits.shape, axis, (positions, line) => {
		if (positions[targets[line]] === undefined) return;
		positions.forEach((position, k) => {
			const probability = Math.exp(logProbabilities.data[position]);
			gradient.data[position] = ((probability - (k === targets[line] ? 1 : 0)) * dy) / targets.length;
		});
	});
	return gradient;
}

const pairLosses = {
	l1Loss: (a: number, b: number) => Math.abs(a - b),
	smoothL1Loss: (a: number, b: number, beta: number) =>
		Math.abs(a - b) < beta ? (a - b) ** 2 / (2 * beta) : Math.abs(a - b) - beta / 2,
	binaryCrossEntropyWithLogits: (a: number, b: number) => Math.max(a, 0) - a * b + Math.log1p(Math.exp(-Math.abs(a))),
};

export type PairLossName = keyof typeof pairLosses;

/** The loss of each pair. */
export function pairLoss(name: PairLossName, a: Array64, b: Array64, beta = 1): Array64 {
	return map(a, (value, i) => pairLosses[name](value, b.data[i], beta));
}

/** The gradients of {@link pairLoss}. */
export function pairLossBackward(
	name: PairLossName,
	a: Array64,
	b: Array64,
	dy: Array64,
	beta = 1,
): { a: Array64; b: Array64 } {
	if (name === "binaryCrossEntropyWithLogits")
		return {
			a: map(dy, (value, i) => value * (1 / (1 + Math.exp(-a.data[i])) - b.data[i])),
			b: map(dy, (value, i) => -value * a.data[i]),
		};
	const gradient = map(dy, (value, i) => {
		const difference = a.data[i] - b.data[i];
		const isNear = name === "smoothL1Loss" && Math.abs(difference) < beta;
		return value * (isNear ? difference / beta : Math.sign(difference));
	});
	return { a: gradient, b: map(gradient, (value) => -value) };
}

/** How targets count in {@link nllLoss}. */
export interface TargetOptions {
	readonly axis?: number;
	readonly smoothing?: number;
	readonly ignoreIndex?: number;
}

/** The loss of each target, row-major: −x[target], or smoothed; 0 for an ignored one, ∞ if one is no class. */
export function nllLoss(
	x: Array64,
	targets: ArrayLike<number>,
	{ axis = 1, smoothing = 0, ignoreIndex }: TargetOptions = {},
): Array64 {
	const y = zeros(x.shape.toSpliced(axis, 1));
	forEachLine(x.shape, axis, (positions, line) => {
		if (targets[line] === ignoreIndex) return;
		const mean = positions.reduce((total, position) => total + x.data[position], 0) / positions.length;
		const position = positions[targets[line]];
		y.data[line] =
			position === undefined ? Number.POSITIVE_INFINITY : -(1 - smoothing) * x.data[position] - smoothing * mean;
	});
	return y;
}

/** The gradient of {@link nllLoss}. */
export function nllLossBackward(
	x: Array64,
	targets: ArrayLike<number>,
	dy: Array64,
	{ axis = 1, smoothing = 0, ignoreIndex }: TargetOptions = {},
): Array64 {
	const dx = zeros(x.shape);
	forEachLine(x.shape, axis, (positions, line) => {
		if (targets[line] === ignoreIndex || positions[targets[line]] === undefined) return;
		positions.forEach((position, k) => {
			const own = k === targets[line] ? 1 - smoothing : 0;
			dx.data[position] = -dy.data[line] * (own + smoothing / positions.length);
		});
	});
	return dx;
}
