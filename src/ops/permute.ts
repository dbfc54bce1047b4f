import permuteKernel from "../../kernels/permute.wgsl";
import { record } from "../autograd/tape.js";
import { checkArray, formatValue } from "../base/arguments.js";
import { ArgumentError } from "../base/errors.js";
import { formatShape, type Shape } from "../base/shape.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { AnyTensor, DType, Tensor } from "../tensor/tensor.js";
import { launchElements } from "./launch.js";

const maxRank = 6;

/** Writes x, seen with shape `shape`, into `out` with its axes in another order. */
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
 * The axes in another order: axis `a` of the result is axis `order[a]` of x.
 *
 * @param x any dtype, at most 6 axes
 * @throws ArgumentError where `order` is no order of x's axes.
 */
export function permute<D extends DType>(x: Tensor<D>, order: readonly number[]): Tensor<D> {
	checkTensor("permute", "x", x);
	checkArray("permute", "order", order, "an array of axes", "write permute(x, [1, 0])");
	const rank = x.shape.length;
	if (rank > maxRank)
		throw new ArgumentError(`permute: it takes at most ${maxRank} axes; shape ${formatShape(x.shape)} has ${rank}.`);
	const isAxis = (axis: unknown) => Number.isInteger(axis) && Number(axis) >= 0 && Number(axis) < rank;
	if (order.length !== rank || new Set(order).size !== rank || !order.every(isAxis))
		throw new ArgumentError(
			`permute: order ${formatValue(order)} is not an order of the axes of shape ${formatShape(x.shape)}.`,
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

/** Records where the tensors are float32; tensors of other dtypes carry no gradient. */
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
