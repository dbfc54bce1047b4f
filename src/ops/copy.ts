import copyStridedKernel from "../../kernels/copy_strided.wgsl";
import { ArgumentError } from "../base/errors.js";
import type { Shape } from "../base/shape.js";
import { formatShape } from "../base/shape.js";
import type { DType } from "../tensor/dtype.js";
import type { AnyTensor, Tensor } from "../tensor/tensor.js";
import { broadcastStrides, constantsOf, mergeAxes, readOf, sizeConstants } from "./axes.js";
import { launchElements } from "./launch.js";

/** Axes that kernels/copy_strided.wgsl can index. */
const kernelAxes = 8;

/**
 * A tensor with elements of x in the order in which its axes step through them.
 *
 * @param operation for messages
 * @param strides for each axis of `to`, the elements of x from one to the next; may be 0 or negative
 * @param start the element that comes first
 * @throws ArgumentError if more than 8 axes remain when those are merged through which x is stepped as one
 */
export function strided<D extends DType>(
	operation: string,
	x: Tensor<D>,
	to: Shape,
	strides: readonly number[],
	start = 0,
): Tensor<D> {
	const out = x.gpu.empty(to, x.dtype);
	launchStrided(operation, x, out, to, strides, start);
	return out;
}

/** As `strided`, into a tensor; `shape` has its number of elements. */
export function launchStrided(
	operation: string,
	x: AnyTensor,
	out: AnyTensor,
	to: Shape,
	steps: readonly number[],
	start = 0,
): void {
	if (out.size === 0) return;
	const { shape, strides } = mergeAxes({ shape: to, strides: [steps] });
	const [own] = strides;
	if (shape.length > kernelAxes)
		throw new ArgumentError(
			`${operation}: the axes of shape ${formatShape(to)} can be read as ${shape.length} at least, but must be at most ${kernelAxes}.`,
		);
	const constants = {
		...sizeConstants(shape, kernelAxes),
		...constantsOf("X_", own, kernelAxes),
		X_READS: readOf(own, shape, start),
	};
	launchElements(copyStridedKernel, out.size / 4, [x, x, out], { constants, uniforms: { start } });
}

/** A copy of x that is broadcast to a shape. */
export function expanded<D extends DType>(operation: string, x: Tensor<D>, to: Shape): Tensor<D> {
	return strided(operation, x, to, broadcastStrides(x.shape, to));
}
