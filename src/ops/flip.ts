import { resolveAxes } from "../base/shape.js";
import { checkAnyTensor } from "../tensor/check_tensor.js";
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { broadcastStrides } from "./axes.js";
import { strided } from "./copy.js";
import { recordFloats } from "./record.js";

function launchFlip<D extends DType>(x: Tensor<D>, axes: readonly number[]): Tensor<D> {
	const strides = broadcastStrides(x.shape, x.shape);
	const start = axes.reduce((sum, axis) => sum + (x.shape[axis] - 1) * strides[axis], 0);
	return strided(
		"flip",
		x,
		x.shape,
		strides.map((stride, axis) => (axes.includes(axis) ? -stride : stride)),
		start,
	);
}

/**
 * The elements in reverse order along an axis or several, as torch.flip.
 *
 * @param x any dtype, any shape
 * @param axis −1 is the last one
 * @throws ArgumentError if x has no such axis
 * @example
 * const mirrored = flip(images, 3); // [N, C, H, W]
 */
export function flip<D extends DType = "float32">(x: Tensor<D>, axis: number | readonly number[]): Tensor<D> {
	checkAnyTensor("flip", "x", x);
	const axes = resolveAxes(axis, x.shape, "flip");
	return recordFloats(
		"flip",
		launchFlip(x, axes),
		[x],
		() => [],
		(gradient) => [launchFlip(gradient, axes)],
	);
}
