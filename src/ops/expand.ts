import { checkArray } from "../base/arguments.js";
import { ShapeError } from "../base/errors.js";
import { checkShape, formatShape, type Shape } from "../base/shape.js";
import { checkAnyTensor } from "../tensor/check_tensor.js";
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { expanded } from "./copy.js";
import { recordFloats } from "./record.js";
import { sumToShape } from "./sum.js";

/**
 * x repeated along its axes of length 1 and along new first axes, as torch.Tensor.expand. Unlike PyTorch's it
 * is a copy; elementwise operations broadcast without one.
 *
 * @param x any dtype, any shape
 * @param shape −1 keeps the length of x
 * @throws ShapeError if x does not broadcast to the shape
 * @example
 * const rows = expand(row, [8, -1]); // [5] → [8, 5]
 */
export function expand<D extends DType = "float32">(x: Tensor<D>, shape: Shape): Tensor<D> {
	checkAnyTensor("expand", "x", x);
	checkArray("expand", "shape", shape, "an array of lengths such as [8, -1]");
	const missing = shape.length - x.shape.length;
	const to = shape.map((length, axis) => (length === -1 ? (x.shape[axis - missing] ?? -1) : length));
	checkShape("expand", to);
	if (missing < 0 || x.shape.some((length, axis) => length !== 1 && length !== to[axis + missing]))
		throw new ShapeError(
			`expand: x of shape ${formatShape(x.shape)} cannot be repeated to ${formatShape(shape)}: counted from the last axis, its lengths must be equal or 1.`,
		);
	return recordFloats(
		"expand",
		expanded("expand", x, to),
		[x],
		() => [],
		(gradient) => [sumToShape(gradient.share(), x.shape)],
	);
}
