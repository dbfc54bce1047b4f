import { type Array64, map, zeros } from "./array.js";
import { forEachLine } from "./softmax.js";

/** What to sum over: all elements, or the lines along one axis. */
export interface ReductionOptions {
	readonly axis?: number;
	/** Keep the summed axis with extent 1. */
	readonly keepDimension?: boolean;
}

/** The shape that a reduction leaves. */
function reducedShape(shape: readonly number[], { axis, keepDimension }: ReductionOptions): number[] {
	if (axis === undefined) return keepDimension ? shape.map(() => 1) : [];
	return shape.flatMap((extent, i) => (i !== axis ? [extent] : keepDimension ? [1] : []));
}

/** The number of elements that go into one sum. */
function countOf(x: Array64, { axis }: ReductionOptions): number {
	return axis === undefined ? x.data.length : x.shape[axis];
}

/** The sum over all elements, or along one axis. */
export function sum(x: Array64, options: ReductionOptions = {}): Array64 {
	const y = zeros(reducedShape(x.shape, options));
	if (options.axis === undefined) y.data[0] = x.data.reduce((total, value) => total + value, 0);
	else
		forEachLine(x.shape, options.axis, (positions, line) => {
			for (const position of positions) y.data[line] += x.data[position];
		});
	return y;
}

/** The gradient of {@link sum}: each element gets that of the sum it went into. */
export function sumBackward(x: Array64, dy: Array64, options: ReductionOptions = {}): Array64 {
	const dx = zeros(x.shape);
	if (options.axis === undefined) dx.data.fill(dy.data[0]);
	else
		forEachLine(x.shape, options.axis, (positions, line) => {
			for (const position of positions) dx.data[position] = dy.data[line];
		});
	return dx;
}

/** The mean over all elements, or along one axis. */
export function mean(x: Array64, options: ReductionOptions = {}): Array64 {
	return map(sum(x, options), (value) => value / countOf(x, options));
}

/** The gradient of {@link mean}. */
export function meanBackward(x: Array64, dy: Array64, options: ReductionOptions = {}): Array64 {
	return map(sumBackward(x, dy, options), (value) => value / countOf(x, options));
}
