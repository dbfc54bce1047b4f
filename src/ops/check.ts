import { ArgumentError, DeviceMismatchError, DTypeError, ShapeError } from "../gpu/errors.js";
import type { Gpu } from "../tensor/gpu.js";
import { formatShape, type Shape } from "../tensor/shape.js";
import type { AnyTensor, DType } from "../tensor/tensor.js";

/** The device of all the tensors. @throws DeviceMismatchError where they are on two. */
export function commonGpu(operation: string, first: AnyTensor, ...others: readonly (AnyTensor | undefined)[]): Gpu {
	for (const other of others)
		if (other !== undefined && other.gpu !== first.gpu)
			throw new DeviceMismatchError(
				`${operation}: tensors of two devices met: shape ${formatShape(first.shape)} on ${first.gpu.adapter.description || first.gpu.adapter.vendor}, shape ${formatShape(other.shape)} on ${other.gpu.adapter.description || other.gpu.adapter.vendor}. Read one with data() and upload it to the other's device.`,
			);
	return first.gpu;
}

/** @throws DTypeError unless the tensor has one of the dtypes. */
export function checkDType(operation: string, name: string, tensor: AnyTensor, ...allowed: readonly DType[]): void {
	if (!allowed.includes(tensor.dtype))
		throw new DTypeError(`${operation}: ${name} is ${tensor.dtype}, but must be ${allowed.join(" or ")}.`);
}

/** @throws ShapeError unless the shape has so many axes; `layout` names them. */
export function checkRank(operation: string, name: string, shape: Shape, rank: number, layout: string): void {
	if (shape.length !== rank)
		throw new ShapeError(`${operation}: ${name} must be ${layout}, but has shape ${formatShape(shape)}.`);
}

/** One number for both axes, or one for each: [height, width]. */
export type Pair = number | readonly [number, number];

/** @throws ArgumentError unless both numbers are whole and at least `least`. */
export function pair(operation: string, name: string, value: Pair, least: number): readonly [number, number] {
	const [y, x] = typeof value === "number" ? [value, value] : value;
	for (const number of [y, x])
		if (!Number.isInteger(number) || number < least)
			throw new ArgumentError(
				`${operation}: ${name} must be whole and at least ${least}, but is ${JSON.stringify(value)}.`,
			);
	return [y, x];
}
