import { checkArray, formatValue } from "../base/arguments.js";
import { ArgumentError } from "../base/errors.js";
import { formatShape, resolveAxis } from "../base/shape.js";
import { checkAnyTensor } from "../tensor/check_tensor.js";
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { broadcastStrides } from "./axes.js";
import { strided } from "./copy.js";
import { recordFloats } from "./record.js";

function launchPermute<D extends DType>(operation: string, x: Tensor<D>, order: readonly number[]): Tensor<D> {
	const strides = broadcastStrides(x.shape, x.shape);
	const to = order.map((axis) => x.shape[axis]);
	return strided(
		operation,
		x,
		to,
		order.map((axis) => strides[axis]),
	);
}

/** As `permute`, with an order that is known to be right. */
function permuted<D extends DType>(operation: string, x: Tensor<D>, order: readonly number[]): Tensor<D> {
	const back = order.map((_, axis) => order.indexOf(axis));
	return recordFloats(operation, launchPermute(operation, x, order), [x], none, (gradient) => [
		launchPermute(operation, gradient, back),
	]);
}

const none = () => [];

/**
 * The axes in another order, as torch.permute: axis `a` of the result is axis `order[a]` of x.
 *
 * @param x any dtype, any shape
 * @throws ArgumentError unless `order` has each of x's axes once
 * @example
 * const channelsLast = permute(images, [0, 2, 3, 1]);
 */
export function permute<D extends DType = "float32">(x: Tensor<D>, order: readonly number[]): Tensor<D> {
	checkAnyTensor("permute", "x", x);
	checkArray("permute", "order", order, "an array of axes", "write permute(x, [1, 0])");
	const rank = x.shape.length;
	const isAxis = (axis: unknown) => Number.isInteger(axis) && Number(axis) >= -rank && Number(axis) < rank;
	const from = order.map((axis) => (axis < 0 ? axis + rank : axis));
	if (order.length !== rank || !order.every(isAxis) || new Set(from).size !== rank)
		throw new ArgumentError(
			`permute: order must have each axis of shape ${formatShape(x.shape)} once, but is ${formatValue(order)}.`,
		);
	return permuted("permute", x, from);
}

/**
 * Two axes exchanged, as torch.transpose.
 *
 * @param x any dtype, any shape
 * @param first an axis, −1 is the last one
 * @param second another one
 * @throws ArgumentError if x has no such axis
 * @example
 * const transposed = transpose(x, 0, 1);
 */
export function transpose<D extends DType = "float32">(x: Tensor<D>, first: number, second: number): Tensor<D> {
	checkAnyTensor("transpose", "x", x);
	const [a, b] = [first, second].map((axis) => resolveAxis(axis, x.shape, "transpose"));
	const order = x.shape.map((_, axis) => (axis === a ? b : axis === b ? a : axis));
	return permuted("transpose", x, order);
}
