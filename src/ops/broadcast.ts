import { ShapeError } from "../base/errors.js";
import { formatShape, type Shape, sizeOf } from "../base/shape.js";

/** How an operand repeats in the output: `count` elements, each for `inner` neighbours, over and over; with a count of 0 it does not repeat. */
export interface Repeat {
	readonly count: number;
	readonly inner: number;
}

/**
 * The shape that two operands broadcast to.
 *
 * @throws ShapeError if an axis is neither equal nor 1
 */
export function broadcastShape(operation: string, a: Shape, b: Shape): Shape {
	const rank = Math.max(a.length, b.length);
	return Array.from({ length: rank }, (_, axis) => {
		const x = a[axis - rank + a.length] ?? 1;
		const y = b[axis - rank + b.length] ?? 1;
		if (x !== y && x !== 1 && y !== 1)
			throw new ShapeError(
				`${operation}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast: counted from the last axis, each must be equal, or 1 in one of them.`,
			);
		return Math.max(x, y);
	});
}

/**
 * How an operand of shape `from` repeats in `to`.
 *
 * @throws ShapeError if its axes whose length is not 1 are not neighbours, as in [2, 1, 3] and [2, 5, 3]
 */
export function repeatOf(operation: string, from: Shape, to: Shape): Repeat {
	const size = sizeOf(from);
	if (size === sizeOf(to)) return { count: 0, inner: 1 };
	const offset = to.length - from.length;
	const own = [...from.keys()].filter((axis) => from[axis] !== 1);
	const first = own[0];
	const last = own.at(-1);
	if (first === undefined || last === undefined) return { count: 1, inner: 1 };
	for (let axis = first; axis <= last; axis++)
		if (from[axis] !== to[axis + offset])
			throw new ShapeError(
				`${operation}: shape ${formatShape(from)} cannot be broadcast to ${formatShape(to)}, because an axis between its own is repeated: permute it, so that its axes whose length is not 1 are neighbours.`,
			);
	return { count: size, inner: sizeOf(to.slice(last + offset + 1)) };
}
