import { ArgumentError, ShapeError } from "../gpu/errors.js";

/** Sizes of a tensor's axes, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** Number of elements of a shape. */
export function sizeOf(shape: Shape): number {
	let size = 1;
	for (const length of shape) size *= length;
	return size;
}

export function sameShape(a: Shape, b: Shape): boolean {
	return a.length === b.length && a.every((length, axis) => length === b[axis]);
}

export function formatShape(shape: Shape): string {
	return `[${shape.join(", ")}]`;
}

/** @throws ShapeError unless every axis is a positive whole number. */
export function checkShape(shape: Shape, what: string): void {
	for (const length of shape)
		if (!Number.isInteger(length) || length < 1)
			throw new ShapeError(`${what} has shape ${formatShape(shape)}: every axis must be a whole number of at least 1.`);
}

/** An axis counted from the front, for one that may be counted from the back (−1 is the last). */
export function resolveAxis(axis: number, shape: Shape, what: string): number {
	const resolved = axis < 0 ? axis + shape.length : axis;
	if (!Number.isInteger(resolved) || resolved < 0 || resolved >= shape.length)
		throw new ArgumentError(`${what}: axis ${axis} is not an axis of shape ${formatShape(shape)}.`);
	return resolved;
}
