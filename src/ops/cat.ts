import catKernel from "../../kernels/cat.wgsl";
import { checkArray, checkNumber, wrongArgument } from "../base/arguments.js";
import { DTypeError, ShapeError } from "../base/errors.js";
import { formatShape, resolveAxis, sameShape, sizeOf } from "../base/shape.js";
import { checkAnyTensor } from "../tensor/check_tensor.js";
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { commonGpu } from "./check.js";
import { launchElements } from "./launch.js";
import { recordFloats } from "./record.js";
import { unsqueeze } from "./reshape.js";
import { launchSlice } from "./slice.js";

/** @throws ArgumentError unless they are tensors, DTypeError if their dtypes differ, DeviceMismatchError */
function checkTensors(operation: string, tensors: readonly Tensor<DType>[]): void {
	checkArray(operation, "tensors", tensors, "an array of tensors", `write ${operation}([a, b])`);
	if (tensors.length === 0) throw wrongArgument(operation, "tensors", "an array of at least one tensor", tensors);
	for (const [i, tensor] of tensors.entries()) checkAnyTensor(operation, `tensors[${i}]`, tensor);
	const [first, ...others] = tensors;
	commonGpu(operation, first, ...others);
	for (const [i, { dtype }] of tensors.entries())
		if (dtype !== first.dtype)
			throw new DTypeError(
				`${operation}: tensors[0] is ${first.dtype}, but tensors[${i}] is ${dtype}; they must be equal.`,
			);
}

/**
 * Tensors one after the other along an axis, as torch.cat.
 *
 * @param tensors any dtype, the same for all; shapes that are equal but for the axis, which may have length 0
 * @param axis default 0; −1 is the last one
 * @throws ShapeError if the shapes do not match, ArgumentError, DTypeError, DeviceMismatchError
 * @example
 * const both = cat([left, right], 1);
 */
export function cat<D extends DType = "float32">(tensors: readonly Tensor<D>[], axis = 0): Tensor<D> {
	checkTensors("cat", tensors);
	const [first] = tensors;
	const at = resolveAxis(axis, first.shape, "cat");
	for (const [i, { shape }] of tensors.entries())
		if (shape.length !== first.shape.length || !sameShape(shape.with(at, 0), first.shape.with(at, 0)))
			throw new ShapeError(
				`cat: tensors[0] has shape ${formatShape(first.shape)}, but tensors[${i}] has ${formatShape(shape)}; they may differ along axis ${at} only.`,
			);
	const lengths = tensors.map(({ shape }) => shape[at]);
	const starts = lengths.map((_, i) => lengths.slice(0, i).reduce((sum, length) => sum + length, 0));
	const total = lengths.reduce((sum, length) => sum + length, 0);
	const out = first.gpu.empty(first.shape.with(at, total), first.dtype);
	const inner = sizeOf(first.shape.slice(at + 1));
	for (const [i, tensor] of tensors.entries()) {
		if (tensor.size === 0) continue;
		const uniforms = { row: lengths[i] * inner, outRow: total * inner, offset: starts[i] * inner };
		launchElements(catKernel, tensor.size, [tensor, out], { uniforms });
	}
	return recordFloats(
		"cat",
		out,
		tensors,
		() => [],
		(gradient, inputs) =>
			inputs.map((input, i) => (input.requiresGrad ? launchSlice("cat", gradient, at, starts[i], lengths[i]) : null)),
	);
}

/**
 * Tensors of one shape along a new axis, as torch.stack.
 *
 * @param tensors any dtype, the same for all
 * @param axis of the result, default 0; −1 is the last one
 * @throws ShapeError if the shapes differ, ArgumentError, DTypeError, DeviceMismatchError
 */
export function stack<D extends DType = "float32">(tensors: readonly Tensor<D>[], axis = 0): Tensor<D> {
	checkTensors("stack", tensors);
	const [{ shape }] = tensors;
	const rank = shape.length + 1;
	checkNumber("stack", "axis", axis, { least: -rank, below: rank, whole: true });
	for (const [i, tensor] of tensors.entries())
		if (!sameShape(tensor.shape, shape))
			throw new ShapeError(
				`stack: tensors[0] has shape ${formatShape(shape)}, but tensors[${i}] has ${formatShape(tensor.shape)}; they must be equal.`,
			);
	return cat(
		tensors.map((tensor) => unsqueeze(tensor, axis)),
		axis,
	);
}
