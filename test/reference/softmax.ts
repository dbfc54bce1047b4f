import { type Array64, zeros } from "./array.js";

/** Calls f with the positions of the elements of each line along an axis. */
export function forEachLine(
	shape: readonly number[],
	axis: number,
	f: (positions: number[], line: number) => void,
): void {
	const extent = shape[axis];
	const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
	const outer = shape.slice(0, axis).reduce((product, size) => product * size, 1);
	for (let o = 0; o < outer; o++)
		for (let i = 0; i < inner; i++) {
			f(
				Array.from({ length: extent }, (_, k) => (o * extent + k) * inner + i),
				o * inner + i,
			);
		}
}

/** log Σ exp(x) over the given positions, with the maximum taken out so that nothing overflows. */
export function logSumExp(data: Float64Array, positions: readonly number[]): number {
	const largest = Math.max(...positions.map((position) => data[position]));
	return largest + Math.log(positions.reduce((total, position) => total + Math.exp(data[position] - largest), 0));
}

/** log softmax along an axis: x − log Σ exp(x). */
export function logSoftmax(x: Array64, axis: number): Array64 {
	const y = zeros(x.shape);
	forEachLine(x.shape, axis, (positions) => {
		const normaliser = logSumExp(x.data, positions);
		for (const position of positions) y.data[position] = x.data[position] - normaliser;
	});
	return y;
}

/** softmax along an axis: exp(x) / Σ exp(x). */
export function softmax(x: Array64, axis: number): Array64 {
	const y = logSoftmax(x, axis);
	return { shape: y.shape, data: y.data.map(Math.exp) };
}

/** The gradient of softmax: y · (dy − Σ dy·y). */
export function softmaxBackward(x: Array64, axis: number, dy: Array64): Array64 {
	const y = softmax(x, axis);
	const dx = zeros(x.shape);
	forEachLine(x.shape, axis, (positions) => {
		const total = positions.reduce((sum, position) => sum + dy.data[position] * y.data[position], 0);
		for (const position of positions) dx.data[position] = y.data[position] * (dy.data[position] - total);
	});
	return dx;
}

/** The gradient of log softmax: dy − softmax(x) · Σ dy. */
export function logSoftmaxBackward(x: Array64, axis: number, dy: Array64): Array64 {
	const y = softmax(x, axis);
	const dx = zeros(x.shape);
	forEachLine(x.shape, axis, (positions) => {
		const total = positions.reduce((sum, position) => sum + dy.data[position], 0);
		for (const position of positions) dx.data[position] = dy.data[position] - y.data[position] * total;
	});
	return dx;
}
