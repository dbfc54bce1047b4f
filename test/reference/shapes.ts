import { type Array64, indexOf, offsetOf, zeros } from "./array.js";

/** y[j] = x[start + Σ j_a · strides_a]. */
export function strided(x: Array64, shape: readonly number[], strides: readonly number[], start = 0): Array64 {
	const y = zeros(shape);
	for (let i = 0; i < y.data.length; i++)
		y.data[i] = x.data[start + indexOf(shape, i).reduce((sum, j, axis) => sum + j * strides[axis], 0)];
	return y;
}

/** x with its elements `step` apart, `before` of the value before the first of them, in an array of a shape. */
export function pad(
	x: Array64,
	shape: readonly number[],
	before: readonly number[],
	value = 0,
	step = shape.map(() => 1),
): Array64 {
	const y = zeros(shape);
	y.data.fill(value);
	for (let i = 0; i < x.data.length; i++) {
		const index = indexOf(x.shape, i).map((j, axis) => before[axis] + j * step[axis]);
		if (index.every((j, axis) => j >= 0 && j < shape[axis])) y.data[offsetOf(shape, index)] = x.data[i];
	}
	return y;
}

/** Elements start, start + step, … before end along an axis. */
export function slice(x: Array64, axis: number, start: number, end: number, step = 1): Array64 {
	const y = zeros(x.shape.with(axis, Math.max(0, Math.ceil((end - start) / step))));
	for (let i = 0; i < y.data.length; i++) {
		const index = indexOf(y.shape, i);
		y.data[i] = x.data[offsetOf(x.shape, index.with(axis, start + index[axis] * step))];
	}
	return y;
}

/** Arrays one after the other along an axis. */
export function cat(arrays: readonly Array64[], axis: number): Array64 {
	const total = arrays.reduce((sum, { shape }) => sum + shape[axis], 0);
	const y = zeros((arrays[0] as Array64).shape.with(axis, total));
	let start = 0;
	for (const x of arrays) {
		for (let i = 0; i < x.data.length; i++) {
			const index = indexOf(x.shape, i);
			y.data[offsetOf(y.shape, index.with(axis, start + index[axis]))] = x.data[i];
		}
		start += x.shape[axis];
	}
	return y;
}

/** The elements in reverse order along axes. */
export function flip(x: Array64, axes: readonly number[]): Array64 {
	const y = zeros(x.shape);
	for (let i = 0; i < x.data.length; i++) {
		const index = indexOf(x.shape, i).map((j, axis) => (axes.includes(axis) ? x.shape[axis] - 1 - j : j));
		y.data[offsetOf(x.shape, index)] = x.data[i];
	}
	return y;
}
