import { type Array64, indexOf, map, offsetOf, zeros } from "./array.js";
import { forEachLine, logSumExp as logSumExpOf } from "./softmax.js";

/** Over which axes to reduce (default: all). */
export interface ReductionOptions {
	readonly axis?: number | readonly number[];
	/** Keep the reduced axes with extent 1. */
	readonly keepDim?: boolean;
}

/** The shape that a reduction leaves, and the positions in x of the elements of each result. */
function groups(
	shape: readonly number[],
	{ axis, keepDim = false }: ReductionOptions,
): { shape: number[]; of: number[][] } {
	const axes = (axis === undefined ? [...shape.keys()] : [axis].flat()).map((each) =>
		each < 0 ? each + shape.length : each,
	);
	const kept = shape.map((extent, i) => (axes.includes(i) ? 1 : extent));
	const of: number[][] = Array.from({ length: zeros(kept).data.length }, () => []);
	const count = zeros(shape).data.length;
	for (let i = 0; i < count; i++) {
		const index = indexOf(shape, i).map((position, at) => (axes.includes(at) ? 0 : position));
		of[offsetOf(kept, index)].push(i);
	}
	return { shape: keepDim ? kept : kept.filter((_, i) => !axes.includes(i)), of };
}

function reduceWith(x: Array64, options: ReductionOptions, f: (positions: number[]) => number): Array64 {
	const { shape, of } = groups(x.shape, options);
	return { shape, data: Float64Array.from(of, f) };
}

/** Each element's gradient from that of its result. */
function backwardWith(
	x: Array64,
	options: ReductionOptions,
	f: (position: number, result: number, positions: readonly number[]) => number,
): Array64 {
	const dx = zeros(x.shape);
	for (const [result, positions] of groups(x.shape, options).of.entries())
		for (const position of positions) dx.data[position] = f(position, result, positions);
	return dx;
}

/** The sum over all elements, or along axes. */
export function sum(x: Array64, options: ReductionOptions = {}): Array64 {
	return reduceWith(x, options, (positions) => positions.reduce((total, position) => total + x.data[position], 0));
}

/** The gradient of {@link sum}: each element gets that of the sum it went into. */
export function sumBackward(x: Array64, dy: Array64, options: ReductionOptions = {}): Array64 {
	return backwardWith(x, options, (_, result) => dy.data[result]);
}

/** The mean over all elements, or along axes. */
export function mean(x: Array64, options: ReductionOptions = {}): Array64 {
	const y = sum(x, options);
	return map(y, (value) => (value * y.data.length) / x.data.length);
}

/** The gradient of {@link mean}. */
export function meanBackward(x: Array64, dy: Array64, options: ReductionOptions = {}): Array64 {
	return backwardWith(x, options, (_, result, positions) => dy.data[result] / positions.length);
}

/** The largest or smallest element; NaN if one is NaN. */
export function reduce(name: "max" | "min", x: Array64, options: ReductionOptions = {}): Array64 {
	const pick = name === "max" ? Math.max : Math.min;
	return reduceWith(x, options, (positions) =>
		positions.map((position) => x.data[position]).reduce((a, b) => pick(a, b)),
	);
}

/** The gradient of {@link reduce}: equal elements share it. */
export function reduceBackward(name: "max" | "min", x: Array64, dy: Array64, options: ReductionOptions = {}): Array64 {
	const y = reduce(name, x, options);
	return backwardWith(x, options, (position, result, positions) => {
		if (x.data[position] !== y.data[result]) return 0;
		return dy.data[result] / positions.filter((other) => x.data[other] === y.data[result]).length;
	});
}

/** The position along the axis, or of all elements, of the largest or smallest; the lowest among equals. NaN is both. */
export function argReduce(name: "argmax" | "argmin", x: Array64, options: ReductionOptions = {}): Array64 {
	const better = (a: number, b: number) =>
		Number.isNaN(b) ? false : Number.isNaN(a) || (name === "argmax" ? a > b : a < b);
	return reduceWith(x, options, (positions) =>
		positions.reduce((best, position, i) => (better(x.data[position], x.data[positions[best]]) ? i : best), 0),
	);
}

/** log Σ exp(x). */
export function logSumExp(x: Array64, options: ReductionOptions = {}): Array64 {
	return reduceWith(x, options, (positions) => logSumExpOf(x.data, positions));
}

/** The gradient of {@link logSumExp}: dy · softmax(x). */
export function logSumExpBackward(x: Array64, dy: Array64, options: ReductionOptions = {}): Array64 {
	const y = logSumExp(x, options);
	return backwardWith(x, options, (position, result) => dy.data[result] * Math.exp(x.data[position] - y.data[result]));
}

/** The sums up to each element along an axis; from the end if `reverse`. */
export function cumsum(x: Array64, axis: number, reverse = false): Array64 {
	const y = zeros(x.shape);
	forEachLine(x.shape, axis, (positions) => {
		let total = 0;
		for (const position of reverse ? positions.toReversed() : positions) {
			total += x.data[position];
			y.data[position] = total;
		}
	});
	return y;
}
