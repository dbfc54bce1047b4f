import { checkArray, formatValue } from "../base/arguments.js";
import { ShapeError } from "../base/errors.js";
import { checkShape, formatShape, type Shape, sizeOf } from "../base/shape.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { recordAny } from "./permute.js";

/**
 * The same elements in the same order with another shape, as torch.reshape. It shares the memory of x.
 *
 * @param x any dtype, any shape
 * @param shape one length may be −1: it follows from the others
 * @throws ShapeError if the numbers of elements differ
 * @example
 * const rows = reshape(x, [-1, 10]);
 */
export function reshape<D extends DType>(x: Tensor<D>, shape: Shape): Tensor<D> {
	checkTensor("reshape", "x", x);
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
	return recordAny("reshape", x.share([...to]), x, (gradient) => gradient.share(x.shape));
}
