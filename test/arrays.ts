import type { Random } from "../src/base/random.js";
import { type Array64, sizeOf } from "./reference/array.js";

/** Uniform random numbers that float32 holds exactly, so that library and reference start from the same ones. */
export function randomArray(random: Random, shape: readonly number[], low = -1, high = 1): Array64 {
	const data = Float64Array.from({ length: sizeOf(shape) }, () => Math.fround(random.uniform(low, high)));
	return { shape: [...shape], data };
}

/** Random integers in [0, count). */
export function randomIndices(random: Random, length: number, count: number): Uint32Array {
	return Uint32Array.from({ length }, () => random.integer(count));
}

/** ‖actual − expected‖ / ‖expected‖ of the numbers that are expected to be finite; ‖actual‖ if all of them are zero. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
	let [difference, length] = [0, 0];
	for (let i = 0; i < expected.length; i++) {
		if (!Number.isFinite(expected[i])) continue;
		difference += (actual[i] - expected[i]) ** 2;
		length += expected[i] ** 2;
	}
	return Math.sqrt(difference) / (Math.sqrt(length) || 1);
}

/**
 * Throws unless both have the same length, NaN and the infinities are where they are expected and nowhere else, and the
 * relative error of the rest is within the tolerance.
 */
export function assertClose(
	actual: ArrayLike<number>,
	expected: ArrayLike<number>,
	tolerance: number,
	message: string,
): void {
	if (actual.length !== expected.length) {
		throw new Error(`${message}: ${actual.length} numbers, expected ${expected.length}`);
	}
	for (let i = 0; i < expected.length; i++)
		if (!Number.isFinite(expected[i]) && !Object.is(actual[i], expected[i]))
			throw new Error(`${message}: ${actual[i]} at ${i} of ${expected.length}, expected ${expected[i]}`);
	const error = relativeError(actual, expected);
	if (error <= tolerance) return;
	let worst = 0;
	for (let i = 0; i < expected.length; i++) {
		if (!(Math.abs(actual[i] - expected[i]) <= Math.abs(actual[worst] - expected[worst]))) worst = i;
	}
	const place = `at ${worst} of ${expected.length}: ${actual[worst]}, expected ${expected[worst]}`;
	throw new Error(`${message}: relative error ${error} over ${tolerance}; worst ${place}`);
}

/** Throws unless both hold the same bits. */
export function assertSame(actual: ArrayLike<number>, expected: ArrayLike<number>, message: string): void {
	if (actual.length !== expected.length) {
		throw new Error(`${message}: ${actual.length} numbers, expected ${expected.length}`);
	}
	for (let i = 0; i < expected.length; i++) {
		if (!Object.is(actual[i], expected[i])) {
			throw new Error(`${message}: ${actual[i]} at ${i} of ${expected.length}, expected ${expected[i]}`);
		}
	}
}
