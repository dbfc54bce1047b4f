import { checkArray, formatValue, wrongArgument } from "./arguments.js";
import { ArgumentError, ShapeError } from "./errors.js";

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

/**
 * @param name the argument
 * @throws ArgumentError unless it is an array, ShapeError unless every length is a whole number of at least 0
 */
export function checkShape(caller: string, shape: unknown, name = "shape"): void {
	checkArray(caller, name, shape, "an array of lengths such as [2, 3]");
	for (const length of shape as readonly number[])
		if (!Number.isInteger(length) || length < 0)
			throw new ShapeError(
				`${caller}: ${name} is ${formatValue(shape)}, but every length must be a whole number of at least 0.`,
			);
}

/** An axis counted from the front, for one that may be counted from the back (−1 is the last). */
export function resolveAxis(axis: number, shape: Shape, caller: string): number {
	const resolved = typeof axis === "number" && axis < 0 ? axis + shape.length : axis;
	if (!Number.isInteger(resolved) || resolved < 0 || resolved >= shape.length)
		throw new ArgumentError(
			`${caller}: axis must be a whole number of at least ${-shape.length} and below ${shape.length} for shape ${formatShape(shape)}, but is ${formatValue(axis)}.`,
		);
	return resolved;
}

/**
 * One axis or several, counted from the front.
 *
 * @throws ArgumentError unless each is an axis of the shape, and none is given twice
 */
export function resolveAxes(axis: unknown, shape: Shape, caller: string): number[] {
	const given: readonly unknown[] = Array.isArray(axis) ? Array.from(axis) : [axis];
	if (given.length === 0 || given.some((each) => typeof each !== "number"))
		throw wrongArgument(caller, "axis", "a whole number, or an array of them", axis);
	const axes = given.map((each) => resolveAxis(each as number, shape, caller));
	const twice = axes.find((each, i) => axes.indexOf(each) !== i);
	if (twice !== undefined)
		throw new ArgumentError(`${caller}: axis ${twice} of shape ${formatShape(shape)} is given twice.`);
	return axes;
}
