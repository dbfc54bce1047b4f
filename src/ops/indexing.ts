import gatherKernel from "../../kernels/gather.wgsl";
import scatterAddKernel from "../../kernels/scatter_add.wgsl";
import { DTypeError, ShapeError } from "../base/errors.js";
import { formatShape, resolveAxis, type Shape, sizeOf } from "../base/shape.js";
import { checkAnyTensor } from "../tensor/check_tensor.js";
import type { DType } from "../tensor/dtype.js";
import type { AnyTensor, Tensor } from "../tensor/tensor.js";
import { commonGpu } from "./check.js";
import { dtypeCodes } from "./dtype_codes.js";
import { launchElements } from "./launch.js";
import { launchPad } from "./pad.js";
import { isFloat, recordFloats } from "./record.js";
import { launchReduce } from "./reduce.js";
import { planAxes } from "./reduction.js";
import { sliced } from "./slice.js";
import { launchSum } from "./sum.js";

type Indices = Tensor<"uint32"> | Tensor<"int32">;

/** Elements of an axis that one invocation of the scatter adds, at least; words of partial sums, at most. */
const leastPart = 256;
const mostPartialWords = 2 ** 22;

/** The lengths of a shape before, along and after an axis. */
function around(shape: Shape, axis: number): { outer: number; length: number; inner: number } {
	return { outer: sizeOf(shape.slice(0, axis)), length: shape[axis], inner: sizeOf(shape.slice(axis + 1)) };
}

/** @param perElement whether there is an index for each element, or for each position of the axis */
function launchGather<D extends DType>(x: Tensor<D>, axis: number, indices: AnyTensor, perElement: boolean): Tensor<D> {
	const { length, inner } = around(x.shape, axis);
	const count = perElement ? indices.shape[axis] : indices.size;
	const out = x.gpu.empty(x.shape.with(axis, count), x.dtype);
	if (out.size === 0) return out;
	launchElements(gatherKernel, out.size, [x, indices, out], {
		constants: { PER_ELEMENT: perElement ? 1 : 0 },
		uniforms: { length, count, inner },
	});
	return out;
}

/** x, or zeros of a shape, with the elements of source added where the indices say. */
function launchScatterAdd<D extends DType>(
	x: Tensor<D> | Shape,
	axis: number,
	indices: AnyTensor,
	source: Tensor<D>,
	perElement: boolean,
): Tensor<D> {
	const { gpu, dtype } = source;
	const start = "shape" in x ? x : undefined;
	const shape = "shape" in x ? x.shape : x;
	const { outer, length, inner } = around(shape, axis);
	const count = source.shape[axis];
	const size = sizeOf(shape);
	const splits = Math.max(1, Math.min(Math.ceil(count / leastPart), Math.floor(mostPartialWords / Math.max(1, size))));
	return gpu.scope(() => {
		const out = gpu.empty(splits === 1 ? shape : [splits, size], dtype);
		launchElements(scatterAddKernel, splits * outer * inner, [start ?? source, indices, source, out], {
			constants: { PER_ELEMENT: perElement ? 1 : 0, TYPE: dtypeCodes[dtype] === 0 ? 0 : 1, HAS_X: start ? 1 : 0 },
			uniforms: { outer, length, count, inner, splits },
		});
		if (splits === 1) return out;
		if (isFloat(out)) return launchSum(out, { r2: splits, k2: size }, shape) as AnyTensor as Tensor<D>;
		return launchReduce(out, { ...planAxes("scatterAdd", out.shape, { axis: 0 }), shape }, "sum");
	});
}

/** @throws ShapeError unless the indices have the axes of x, none longer than it but the one they index */
function checkIndices(operation: string, shape: Shape, axis: number, indices: Shape): void {
	const fits = indices.length === shape.length && indices.every((length, i) => i === axis || length <= shape[i]);
	if (!fits)
		throw new ShapeError(
			`${operation}: indices must have as many axes as x ${formatShape(shape)}, none but axis ${axis} longer, but have shape ${formatShape(indices)}.`,
		);
}

/** The first elements of each axis, as many as `shape` says, but for one axis. */
function cropped<D extends DType>(operation: string, x: Tensor<D>, shape: Shape, except: number): Tensor<D> {
	let part = x;
	for (const [i, length] of shape.entries())
		if (i !== except && x.shape[i] !== length) part = sliced(operation, part, i, 0, length);
	return part;
}

/**
 * The parts of x along an axis that the indices name, as torch.index_select. An index outside of the axis gives
 * zeros, and no gradient.
 *
 * @param x any dtype, any shape
 * @param axis −1 is the last one
 * @param indices uint32 or int32 [count]
 * @returns the dtype of x, its shape with `count` along the axis
 * @throws ArgumentError if x has no such axis, ShapeError unless the indices have one axis, DTypeError,
 * DeviceMismatchError
 * @example
 * const batch = indexSelect(images, 0, gpu.tensor(Uint32Array.of(5, 2, 7)));
 */
export function indexSelect<D extends DType = "float32">(x: Tensor<D>, axis: number, indices: Indices): Tensor<D> {
	const name = "indexSelect";
	checkAnyTensor(name, "x", x);
	const at = resolveAxis(axis, x.shape, name);
	checkAnyTensor(name, "indices", indices, "uint32", "int32");
	commonGpu(name, x, indices);
	if (indices.shape.length !== 1)
		throw new ShapeError(`${name}: indices must be [count], but have shape ${formatShape(indices.shape)}.`);
	return recordFloats(
		name,
		launchGather(x, at, indices, false),
		[x],
		() => [indices],
		(gradient) => [launchScatterAdd(x.shape, at, indices, gradient, false)],
	);
}

/**
 * out[…, j, …] = x[…, indices[…, j, …], …], as torch.gather. An index outside of the axis gives 0, and no
 * gradient.
 *
 * @param x any dtype, any shape
 * @param axis −1 is the last one
 * @param indices uint32 or int32, as many axes as x, none longer than x's but the axis
 * @returns the dtype of x, the shape of the indices
 * @throws ArgumentError if x has no such axis, ShapeError if the shapes do not match, DTypeError, DeviceMismatchError
 * @example
 * const chosen = gather(logProbabilities, 1, unsqueeze(labels, 1)); // [N, 1]
 */
export function gather<D extends DType = "float32">(x: Tensor<D>, axis: number, indices: Indices): Tensor<D> {
	const name = "gather";
	checkAnyTensor(name, "x", x);
	const at = resolveAxis(axis, x.shape, name);
	checkAnyTensor(name, "indices", indices, "uint32", "int32");
	commonGpu(name, x, indices);
	checkIndices(name, x.shape, at, indices.shape);
	const part = cropped(name, x, indices.shape, at);
	return recordFloats(
		name,
		launchGather(part, at, indices, true),
		[part],
		() => [indices],
		(gradient) => [launchScatterAdd(part.shape, at, indices, gradient, true)],
	);
}

/**
 * x with the elements of source added: out[…, indices[…, j, …], …] += source[…, j, …], in the order of j, as
 * torch.scatter_add. What has an index outside of the axis is left out.
 *
 * @param x any dtype, any shape
 * @param axis −1 is the last one
 * @param indices uint32 or int32, as many axes as x, none longer than x's but the axis
 * @param source the dtype of x, at least the shape of the indices
 * @returns the dtype and shape of x
 * @throws ArgumentError if x has no such axis, ShapeError if the shapes do not match, DTypeError, DeviceMismatchError
 * @example
 * const histogram = scatterAdd(gpu.zeros([10]), 0, labels, gpu.ones(labels.shape));
 */
export function scatterAdd<D extends DType = "float32">(
	x: Tensor<D>,
	axis: number,
	indices: Indices,
	source: Tensor<D>,
): Tensor<D> {
	const name = "scatterAdd";
	checkAnyTensor(name, "x", x);
	const at = resolveAxis(axis, x.shape, name);
	checkAnyTensor(name, "indices", indices, "uint32", "int32");
	checkAnyTensor(name, "source", source);
	const { gpu } = x;
	commonGpu(name, x, indices, source);
	if (source.dtype !== x.dtype)
		throw new DTypeError(`${name}: x is ${x.dtype}, but source is ${source.dtype}; they must be equal.`);
	checkIndices(name, x.shape, at, indices.shape);
	if (source.shape.length !== indices.shape.length || source.shape.some((length, i) => length < indices.shape[i]))
		throw new ShapeError(
			`${name}: source must have at least the shape of indices ${formatShape(indices.shape)}, but has ${formatShape(source.shape)}.`,
		);
	const part = cropped(name, source, indices.shape, -1);
	// Shorter axes are filled with indices that are left out.
	const full = x.shape.with(at, indices.shape[at]);
	const paddings = full.map((size) => ({ size, before: 0, step: 1 }));
	const isFull = full.every((length, i) => length === indices.shape[i]);
	const out = gpu.scope(() => {
		if (isFull) return launchScatterAdd(x, at, indices, part, true);
		const outside = indices.dtype === "int32" ? -1 : 2 ** 32 - 1;
		const filled = launchPad(name, indices as AnyTensor, paddings, outside);
		return launchScatterAdd(x, at, filled, launchPad(name, part, paddings), true);
	});
	return recordFloats(
		name,
		out,
		[x, part],
		() => [indices],
		(gradient, [x, part]) => [
			x.requiresGrad ? gradient.share() : null,
			part.requiresGrad
				? gpu.scope(() => launchGather(cropped(name, gradient, indices.shape, at), at, indices, true))
				: null,
		],
	);
}
