import { checkArray, checkNumber, formatValue } from "../base/arguments.js";
import { ArgumentError, ShapeError } from "../base/errors.js";
import { checkShape, formatShape, resolveAxes, resolveAxis, type Shape, sizeOf } from "../base/shape.js";
import { checkAnyTensor } from "../tensor/check_tensor.js";
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { recordFloats } from "./record.js";

/** x with another shape of as many elements, recorded. It shares the memory. */
function reshaped<D extends DType>(operation: string, x: Tensor<D>, shape: Shape): Tensor<D> {
	return recordFloats(operation, x.share(shape), [x], none, (gradient) => [gradient.share(x.shape)]);
}

const none = () => [];

/**
 * The same elements in the same order with another shape, as torch.reshape. It shares the memory of x.
 *
 * @param x any dtype, any shape
 * @param shape one length may be −1: it follows from the others
 * @throws ShapeError if the numbers of elements differ
 * @example
 * const rows = reshape(x, [-1, 10]);
 */
export function reshape<D extends DType = "float32">(x: Tensor<D>, shape: Shape): Tensor<D> {
	checkAnyTensor("reshape", "x", x);
	checkArray("reshape", "shape", shape, "an array of lengths", "write reshape(x, [3, 2])");
	if (!shape.every(Number.isInteger))
		throw new ShapeError(`reshape: shape must be whole numbers, but is ${formatValue(shape)}.`);
	const free = shape.indexOf(-1);
	if (free !== shape.lastIndexOf(-1))
		throw new ShapeError(`reshape: only one length may be -1, but shape is ${formatShape(shape)}.`);
	const known = sizeOf(shape.filter((_, axis) => axis !== free));
	const to = free < 0 ? shape : shape.with(free, x.size / known);
	if (sizeOf(to) !== x.size || to.some((length) => !Number.isInteger(length)))
		throw new ShapeError(
			`reshape: shape must have the ${x.size} elements of x ${formatShape(x.shape)}, but is ${formatShape(shape)}.`,
		);
	checkShape("reshape", to);
	return reshaped("reshape", x, [...to]);
}

/**
 * The axes from startAxis to endAxis as one, as torch.flatten. It shares the memory of x.
 *
 * @param x any dtype, any shape
 * @param startAxis default 0; −1 is the last one
 * @param endAxis default −1
 * @throws ArgumentError if x has no such axis, or the end is before the start
 * @example
 * const rows = flatten(images, 1); // [N, C, H, W] → [N, C · H · W]
 */
export function flatten<D extends DType = "float32">(x: Tensor<D>, startAxis = 0, endAxis = -1): Tensor<D> {
	checkAnyTensor("flatten", "x", x);
	const shape = x.shape.length === 0 ? [1] : x.shape;
	const [start, end] = [startAxis, endAxis].map((axis) => resolveAxis(axis, shape, "flatten"));
	if (end < start)
		throw new ArgumentError(`flatten: endAxis must not be before startAxis ${startAxis}, but is ${endAxis}.`);
	const merged = sizeOf(shape.slice(start, end + 1));
	return reshaped("flatten", x, shape.toSpliced(start, end + 1 - start, merged));
}

/**
 * Without the axes of length 1, or without some of them, as torch.squeeze. It shares the memory of x.
 *
 * @param x any dtype, any shape
 * @param axis an axis or several (default: all); those whose length is not 1 stay
 * @throws ArgumentError if x has no such axis
 */
export function squeeze<D extends DType = "float32">(x: Tensor<D>, axis?: number | readonly number[]): Tensor<D> {
	checkAnyTensor("squeeze", "x", x);
	const removed = axis === undefined ? [...x.shape.keys()] : resolveAxes(axis, x.shape, "squeeze");
	return reshaped(
		"squeeze",
		x,
		x.shape.filter((length, i) => length !== 1 || !removed.includes(i)),
	);
}

/**
 * With a new axis of length 1, as torch.unsqueeze. It shares the memory of x.
 *
 * @param x any dtype, any shape
 * @param axis where it is in the result; −1 is the last one
 * @throws ArgumentError if the result has no such axis
 */
export function unsqueeze<D extends DType = "float32">(x: Tensor<D>, axis: number): Tensor<D> {
	checkAnyTensor("unsqueeze", "x", x);
	const rank = x.shape.length + 1;
	checkNumber("unsqueeze", "axis", axis, { least: -rank, below: rank, whole: true });
	return reshaped("unsqueeze", x, x.shape.toSpliced(axis < 0 ? axis + rank : axis, 0, 1));
}
