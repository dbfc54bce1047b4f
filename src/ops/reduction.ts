import { checkFlag, checkOptions, isPlainObject } from "../base/arguments.js";
import { ShapeError } from "../base/errors.js";
import { formatShape, resolveAxes, type Shape } from "../base/shape.js";
import { checkAnyTensor } from "../tensor/check_tensor.js";
import type { DType } from "../tensor/dtype.js";
import type { AnyTensor } from "../tensor/tensor.js";

export interface ReductionOptions {
	/** The axes that are reduced (default: all); −1 is the last one. */
	readonly axis?: number | readonly number[] | undefined;
	/** Whether the result has these axes, of length 1 (default false). */
	readonly keepDim?: boolean;
}

/** Over which axes an operation reduces: an axis, several, or the options. */
export type Reduction = number | readonly number[] | ReductionOptions;

/** The shapes of a reduction. */
export interface ReductionPlan {
	/** For each axis of x, whether it is reduced. */
	readonly reduced: readonly boolean[];
	/** The shape of x with reduced axes of length 1. */
	readonly kept: Shape;
	/** The shape of the result. */
	readonly shape: Shape;
	/** Elements of each reduction. */
	readonly count: number;
}

export const reductionOptions = ["axis", "keepDim"] as const satisfies readonly (keyof ReductionOptions)[];

/**
 * @param allowed the dtypes of x; none means every dtype
 * @throws ArgumentError if x has no such axis or an option is wrong, DTypeError
 */
export function planReduction(
	operation: string,
	x: AnyTensor,
	over: Reduction = {},
	...allowed: readonly DType[]
): ReductionPlan {
	checkAnyTensor(operation, "x", x, ...allowed);
	const options = isPlainObject(over) ? (over as ReductionOptions) : { axis: over as number | readonly number[] };
	checkOptions(operation, options, reductionOptions);
	return planAxes(operation, x.shape, options);
}

/** The shapes of a reduction over some axes. @throws ArgumentError if there is no such axis */
export function planAxes(operation: string, x: Shape, { axis, keepDim = false }: ReductionOptions): ReductionPlan {
	checkFlag(operation, "keepDim", keepDim);
	const axes = axis === undefined ? [...x.keys()] : resolveAxes(axis, x, operation);
	const reduced = x.map((_, i) => axes.includes(i));
	const kept = x.map((length, i) => (reduced[i] ? 1 : length));
	const shape = keepDim ? kept : x.filter((_, i) => !reduced[i]);
	const count = x.reduce((product, length, i) => (reduced[i] ? product * length : product), 1);
	return { reduced, kept, shape, count };
}

/** @throws ShapeError if a reduction that has no value for no elements has none */
export function checkNotEmpty(operation: string, x: AnyTensor, { count }: ReductionPlan): void {
	if (count === 0)
		throw new ShapeError(`${operation}: x of shape ${formatShape(x.shape)} has no elements along the axis.`);
}

/**
 * The lengths of a shape's axes, neighbours that are all reduced or all kept as one; the first is reduced (1
 * if there is none), and they alternate.
 */
export function alternate(shape: Shape, reduced: readonly boolean[]): number[] {
	const lengths = [1];
	for (const [axis, length] of shape.entries()) {
		if (length === 1) continue;
		const isLast = reduced[axis] === (lengths.length % 2 === 1);
		if (isLast) lengths[lengths.length - 1] *= length;
		else lengths.push(length);
	}
	return lengths;
}
