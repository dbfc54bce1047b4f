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
