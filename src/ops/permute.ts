import permuteKernel from "../../kernels/permute.wgsl";
import { record } from "../autograd/tape.js";
import { checkArray, formatValue } from "../base/arguments.js";
import { ArgumentError } from "../base/errors.js";
import { formatShape, type Shape } from "../base/shape.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { DType } from "../tensor/dtype.js";
import type { AnyTensor, Tensor } from "../tensor/tensor.js";
import { launchElements } from "./launch.js";

const maxRank = 6;

/** Writes x, read as `shape`, to `out` with its axes in another order. */
export function launchPermute(x: AnyTensor, out: AnyTensor, shape: Shape, order: readonly number[]): void {
	const padding = maxRank - shape.length;
	const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, length) => product * length, 1));
	const constants: Record<string, number> = {};
	for (let axis = 0; axis < maxRank; axis++) {
		const from = order[axis - padding];
		if (axis > 0) constants[`SIZE_${axis}`] = from === undefined ? 1 : shape[from];
		constants[`STRIDE_${axis}`] = from === undefined ? 0 : strides[from];
	}
	launchElements(permuteKernel, out.size, [x, out], { constants });
}

/**
 * The axes in another order, as torch.permute: axis `a` of the result is axis `order[a]` of x.
 *
 * @param x any dtype, at most 6 axes
 * @throws ArgumentError unless `order` has each of x's axes once
 * @example
 * const transposed = permute(x, [1, 0]);
 */
export function permute<D extends DType>(x: Tensor<D>, order: readonly number[]): Tensor<D> {
	checkTensor("permute", "x", x);
	checkArray("permute", "order", order, "an array of axes", "write permute(x, [1, 0])");
	const rank = x.shape.length;
	if (rank > maxRank)
		throw new ArgumentError(`permute: x must have at most ${maxRank} axes, but has shape ${formatShape(x.shape)}.`);
	const isAxis = (axis: unknown) => Number.isInteger(axis) && Number(axis) >= 0 && Number(axis) < rank;
	if (order.length !== rank || new Set(order).size !== rank || !order.every(isAxis))
		throw new ArgumentError(
			`permute: order must have each axis of shape ${formatShape(x.shape)} once, but is ${formatValue(order)}.`,
		);
	const out = x.gpu.empty(
		order.map((axis) => x.shape[axis]),
		x.dtype,
	);
	launchPermute(x, out, x.shape, order);
	return recordAny("permute", out, x, (gradient) => {
		const back = gradient.gpu.empty(x.shape);
		launchPermute(gradient, back, gradient.shape, inverse(order));
		return back;
	});
}

function inverse(order: readonly number[]): number[] {
	const back: number[] = [];
	for (const [to, from] of order.entries()) back[from] = to;
	return back;
}

/** Records the operation if the tensors are float32; tensors of other dtypes have no gradient. */
export function recordAny<D extends DType>(
	operation: string,
	out: Tensor<D>,
	x: Tensor<D>,
	backward: (gradient: Tensor) => Tensor,
): Tensor<D> {
	if (isFloat(x) && isFloat(out)) record(operation, out, [x], [], (gradient) => [backward(gradient)]);
	return out;
}

function isFloat(tensor: AnyTensor): tensor is Tensor {
	return tensor.dtype === "float32";
}
