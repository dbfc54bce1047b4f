import type { Shape } from "../base/shape.js";

/** A shape as few axes, and how far apart the elements of each operand are along them. */
export interface Axes {
	readonly shape: Shape;
	/** For each operand, the stride of each axis, in elements. */
	readonly strides: readonly (readonly number[])[];
}

/** The strides of a contiguous tensor; 0 along an axis on which it is broadcast to `to`. */
export function broadcastStrides(from: Shape, to: Shape): number[] {
	let stride = 1;
	const own = from.map(() => 0);
	for (let axis = from.length - 1; axis >= 0; axis--) {
		own[axis] = from[axis] === 1 ? 0 : stride;
		stride *= from[axis];
	}
	return [...Array<number>(to.length - from.length).fill(0), ...own];
}

/** Drops axes of length 1, and merges neighbouring axes through which every operand steps as through one. */
export function mergeAxes({ shape, strides }: Axes): Axes {
	const lengths: number[] = [];
	const merged: number[][] = strides.map(() => []);
	for (const [axis, length] of shape.entries()) {
		if (length === 1) continue;
		const last = lengths.length - 1;
		const joins = last >= 0 && strides.every((own, i) => merged[i][last] === own[axis] * length);
		if (joins) lengths[last] *= length;
		else lengths.push(length);
		for (const [i, own] of strides.entries()) merged[i][joins ? last : lengths.length - 1] = own[axis];
	}
	return { shape: lengths, strides: merged };
}

/** What a kernel reads of an operand for a vector of 4 results (A_READS and so on). */
export const reads = { sameVector: 0, vector: 1, oneElement: 2, elements: 3 } as const;

/** What a kernel reads of an operand with these strides, whose first element is at `start`. */
export function readOf(strides: readonly number[], shape: Shape, start = 0): number {
	const last = strides.length - 1;
	if (strides.every((stride) => stride === 0)) return reads.oneElement;
	if (shape[last] % 4 !== 0) return reads.elements;
	if (strides[last] === 0) return reads.oneElement;
	const aligned = [start, ...strides.slice(0, last)].every((offset) => offset % 4 === 0);
	return strides[last] === 1 && aligned ? reads.vector : reads.elements;
}

/**
 * Constants of a kernel by the names of its axes, of which the last ones are used: `${name}0`, `${name}1`, …
 *
 * @param axes of the kernel
 */
export function constantsOf(name: string, values: readonly number[], axes: number): Record<string, number> {
	return Object.fromEntries(values.map((value, i) => [`${name}${axes - values.length + i}`, value >>> 0]));
}

/** The sizes of all axes but the first one of a kernel. */
export function sizeConstants(shape: Shape, axes: number): Record<string, number> {
	const constants = constantsOf("SIZE_", shape, axes);
	delete constants.SIZE_0;
	return constants;
}
