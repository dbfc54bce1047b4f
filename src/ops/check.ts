import { checkInstance, wrongArgument } from "../base/arguments.js";
import { DeviceMismatchError, LimitError, ShapeError } from "../base/errors.js";
import { formatShape, type Shape, sizeOf } from "../base/shape.js";
import { TensorGpu } from "../tensor/gpu.js";
import type { AnyTensor, Gpu } from "../tensor/tensor.js";

/** The device of all the tensors. @throws DeviceMismatchError if they are on two. */
export function commonGpu(operation: string, first: AnyTensor, ...others: readonly (AnyTensor | undefined)[]): Gpu {
	for (const other of others)
		if (other !== undefined && other.gpu !== first.gpu)
			throw new DeviceMismatchError(
				`${operation}: the tensors are on two devices: shape ${formatShape(first.shape)} on ${first.gpu.adapter.description || first.gpu.adapter.vendor}, shape ${formatShape(other.shape)} on ${other.gpu.adapter.description || other.gpu.adapter.vendor}. Read one with data() and upload it to the other's device.`,
			);
	return first.gpu;
}

/** @throws ShapeError unless the shape has so many axes; `layout` names them. */
export function checkRank(operation: string, name: string, shape: Shape, rank: number, layout: string): void {
	if (shape.length !== rank)
		throw new ShapeError(`${operation}: ${name} must be ${layout}, but has shape ${formatShape(shape)}.`);
}

/** One number for both axes, or one for each: [height, width]. */
export type Pair = number | readonly [number, number];

/** @throws ArgumentError unless it is one whole number of at least `least`, or two of them. */
export function pair(operation: string, name: string, value: Pair, least: number): readonly [number, number] {
	const [y, x] = Array.isArray(value) && value.length === 2 ? (value as readonly number[]) : [value, value];
	for (const number of [y, x])
		if (!Number.isInteger(number) || (number as number) < least)
			throw wrongArgument(
				operation,
				name,
				`a whole number of at least ${least}, or two of them: [height, width]`,
				value,
			);
	return [y as number, x as number];
}

/**
 * @param sizes the arguments that ask for it
 * @throws LimitError if the device cannot bind a tensor of this shape at once
 */
export function checkBindable(caller: string, sizes: string, gpu: Gpu, shape: Shape): void {
	const bytes = 4 * sizeOf(shape);
	const most = gpu.bindableBytes;
	if (bytes > most)
		throw new LimitError(
			`${caller}: ${sizes} ask for a tensor of shape ${formatShape(shape)}, ${bytes} bytes, but this device binds at most ${most}.`,
		);
}

/** Bytes that a part of a model takes on a device and in its driver, at least. */
const leastPart = 2 ** 17;

/**
 * @param name the argument that says how many parts there are
 * @param values of the weights of each
 * @throws LimitError if the weights of all parts together are more than the device can bind
 */
export function checkParts(caller: string, gpu: Gpu, name: string, count: number, values: number): void {
	const bytes = Math.max(4 * values, leastPart);
	const limit = gpu.bindableBytes;
	const most = Math.max(1, Math.floor(limit / bytes));
	if (count > most)
		throw new LimitError(
			`${caller}: ${name} must be at most ${most} on this device, but is ${count}: each takes ${bytes} bytes, and the device binds at most ${limit}.`,
		);
}

/** @throws ArgumentError unless it is an open device. */
export function checkGpu(caller: string, gpu: unknown, hint = ""): void {
	checkInstance(caller, "gpu", gpu, TensorGpu, "what openDevice() gives", hint);
}
