import { checkNumber, formatValue } from "../base/arguments.js";
import { ArgumentError } from "../base/errors.js";
import { resolveAxis } from "../base/shape.js";
import { checkAnyTensor } from "../tensor/check_tensor.js";
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { broadcastStrides } from "./axes.js";
import { strided } from "./copy.js";
import { launchPad } from "./pad.js";
import { recordFloats } from "./record.js";

/** Elements start, start + step, … of an axis, `count` of them. */
export function launchSlice<D extends DType>(
	operation: string,
	x: Tensor<D>,
	axis: number,
	start: number,
	count: number,
	step = 1,
): Tensor<D> {
	const strides = broadcastStrides(x.shape, x.shape);
	return strided(
		operation,
		x,
		x.shape.with(axis, count),
		strides.with(axis, step * strides[axis]),
		count === 0 ? 0 : start * strides[axis],
	);
}

/** As `launchSlice`, recorded. */
export function sliced<D extends DType>(
	operation: string,
	x: Tensor<D>,
	axis: number,
	start: number,
	count: number,
	step = 1,
): Tensor<D> {
	return recordFloats(
		operation,
		launchSlice(operation, x, axis, start, count, step),
		[x],
		() => [],
		(gradient) => [
			launchPad(
				operation,
				gradient,
				x.shape.map((size, i) => (i === axis ? { size, before: start, step } : { size, before: 0, step: 1 })),
			),
		],
	);
}

/**
 * The elements start, start + step, … before end along an axis, as x[start:end:step] in Python.
 *
 * @param x any dtype, any shape
 * @param axis −1 is the last one
 * @param start negative: counted from the end; beyond it: limited to it
 * @param end likewise (default: the length of the axis)
 * @param step default 1
 * @throws ArgumentError if x has no such axis, or they are no whole numbers or the step is below 1
 * @example
 * const red = slice(images, 1, 0, 1); // [N, 3, H, W] → [N, 1, H, W]
 */
export function slice<D extends DType = "float32">(
	x: Tensor<D>,
	axis: number,
	start: number,
	end?: number,
	step = 1,
): Tensor<D> {
	checkAnyTensor("slice", "x", x);
	const at = resolveAxis(axis, x.shape, "slice");
	const length = x.shape[at];
	checkNumber("slice", "start", start, { whole: true });
	if (end !== undefined) checkNumber("slice", "end", end, { whole: true });
	checkNumber("slice", "step", step, { least: 1, whole: true });
	const [from, to] = [start, end ?? length].map((i) => Math.min(length, Math.max(0, i < 0 ? i + length : i)));
	return sliced("slice", x, at, from, Math.max(0, Math.ceil((to - from) / step)), step);
}

/** @throws ArgumentError unless the lengths of the parts add up to that of the axis */
function partsOf(sizes: number | readonly number[], length: number): number[] {
	if (!Array.isArray(sizes)) {
		const size = checkNumber("split", "sizes", sizes, { least: 1, whole: true });
		// Of nothing one part, as PyTorch.
		return Array.from({ length: Math.max(1, Math.ceil(length / size)) }, (_, i) => Math.min(size, length - i * size));
	}
	for (const [i, size] of sizes.entries()) checkNumber("split", `sizes[${i}]`, size, { least: 0, whole: true });
	const sum = sizes.reduce((total, size) => total + size, 0);
	if (sum !== length)
		throw new ArgumentError(
			`split: sizes must add up to the ${length} of the axis, but ${formatValue(sizes)} are ${sum}.`,
		);
	return [...sizes];
}

/**
 * Parts of x along an axis, as torch.split.
 *
 * @param x any dtype, any shape
 * @param sizes the length of each part, which add up to that of the axis; or one length, of which the last part may
 * be shorter
 * @param axis default 0; −1 is the last one
 * @throws ArgumentError if x has no such axis or the lengths do not add up
 * @example
 * const [q, k, v] = split(projected, channels, -1);
 */
export function split<D extends DType = "float32">(
	x: Tensor<D>,
	sizes: number | readonly number[],
	axis = 0,
): Tensor<D>[] {
	checkAnyTensor("split", "x", x);
	const at = resolveAxis(axis, x.shape, "split");
	const parts = partsOf(sizes, x.shape[at]);
	let start = 0;
	return parts.map((size) => {
		const part = sliced("split", x, at, start, size);
		start += size;
		return part;
	});
}
