import { type Array64, zeros } from "./array.js";

/** The positions of the elements of each vector of [N, D], or of [B, D, H, W] along the channel axis. */
export function vectorPositions(shape: readonly number[]): number[][] {
	const [batch, dimensions, ...positions] = shape;
	const inner = positions.reduce((product, length) => product * length, 1);
	return Array.from({ length: batch * inner }, (_, n) => {
		const first = Math.floor(n / inner) * dimensions * inner + (n % inner);
		return Array.from({ length: dimensions }, (_, d) => first + d * inner);
	});
}

/** The vectors themselves, in the order of their positions. */
export function vectorsOf({ shape, data }: Array64): number[][] {
	return vectorPositions(shape).map((places) => places.map((at) => data[at]));
}

/** An array of this shape whose vectors are these. */
export function fromVectors(shape: readonly number[], vectors: readonly (readonly number[])[]): Array64 {
	const out = zeros(shape);
	for (const [n, places] of vectorPositions(shape).entries())
		for (const [d, at] of places.entries()) out.data[at] = (vectors[n] as readonly number[])[d];
	return out;
}

export function dotOf(a: readonly number[], b: readonly number[]): number {
	return a.reduce((sum, value, i) => sum + value * b[i], 0);
}

/** x / ‖x‖ */
export function unit(x: readonly number[]): number[] {
	const length = Math.sqrt(dotOf(x, x));
	return x.map((value) => value / length);
}

/** The gradient of x by `unit`, given that of its result: (g − y (y·g)) / ‖x‖ with y = x / ‖x‖. */
export function unitBackward(x: readonly number[], g: readonly number[]): number[] {
	const length = Math.sqrt(dotOf(x, x));
	const y = unit(x);
	return g.map((value, d) => (value - (y[d] as number) * dotOf(y, g)) / length);
}
