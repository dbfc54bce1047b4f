import { ShapeError } from "../base/errors.js";
import { formatShape, type Shape, sizeOf } from "../base/shape.js";

/** How an operand repeats in the output: `count` elements, each for `inner` neighbours, over and over; 0: not at all. */
export interface Repeat {
	readonly count: number;
	readonly inner: number;
}

/**
 * The shape that two operands have together by NumPy's rules.
 *
 * @throws ShapeError where an axis is neither equal nor 1.
 */
export function broadcastShape(operation: string, a: Shape, b: Shape): Shape {
	const rank = Math.max(a.length, b.length);
	return Array.from({ length: rank }, (_, axis) => {
		const x = a[axis - rank + a.length] ?? 1;
		const y = b[axis - rank + b.length] ?? 1;
		if (x !== y && x !== 1 && y !== 1)
			throw new ShapeError(
				`${operation}: shapes ${formatShape(a)} and ${formatShape(b)} do not fit: counted from the back, each axis must be equal or 1.`,
			);
		return Math.max(x, y);
	});
}

/**
 * How an operand of shape `from` repeats in `to`.
 *
 * @throws ShapeError where its axes other than 1 do not lie side by side (such as [2, 1, 3] against [2, 5, 3]).
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
				`${operation}: shape ${formatShape(from)} repeats in ${formatShape(to)} on an axis between its own, which is not supported: permute it, so that its axes other than 1 lie side by side.`,
			);
	return { count: size, inner: sizeOf(to.slice(last + offset + 1)) };
}
