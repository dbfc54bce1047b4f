import { type Array64, indexOf, map, offsetOf, zeros } from "./array.js";

/** max(x, 0). */
export function relu(x: Array64): Array64 {
	return map(x, (value) => Math.max(value, 0));
}

/** The gradient of relu: 0 if x ≤ 0, else dy, also if x is NaN. */
export function reluBackward(x: Array64, dy: Array64): Array64 {
	return map(dy, (value, i) => (x.data[i] <= 0 ? 0 : value));
}

/** x · factor; its gradient is dy · factor. */
export function scale(x: Array64, factor: number): Array64 {
	return map(x, (value) => value * factor);
}

/** The shape that NumPy's rules give two shapes. */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
	const rank = Math.max(a.length, b.length);
	return Array.from({ length: rank }, (_, axis) => {
		const left = a[axis - rank + a.length] ?? 1;
		const right = b[axis - rank + b.length] ?? 1;
		if (left !== right && left !== 1 && right !== 1) throw new Error(`[${a}] and [${b}] do not broadcast`);
		return left === 1 ? right : left;
	});
}

/** The position in an array of `shape` of an index of the shape that it is broadcast to. */
function broadcastOffset(shape: readonly number[], index: readonly number[]): number {
	const own = index.slice(index.length - shape.length);
	return offsetOf(
		shape,
		own.map((position, axis) => (shape[axis] === 1 ? 0 : position)),
	);
}

/** Calls f with the positions in a, b and y of each element of y = a ∘ b. */
function forEachPair(
	a: Array64,
	b: Array64,
	shape: number[],
	f: (inA: number, inB: number, inY: number) => void,
): void {
	const { data } = zeros(shape);
	for (let i = 0; i < data.length; i++) {
		const index = indexOf(shape, i);
		f(broadcastOffset(a.shape, index), broadcastOffset(b.shape, index), i);
	}
}

/** One of a + b, a − b and a · b, with its derivatives. */
interface Operation {
	readonly value: (a: number, b: number) => number;
	readonly byA: (a: number, b: number) => number;
	readonly byB: (a: number, b: number) => number;
}

const operations = {
	add: { value: (a, b) => a + b, byA: () => 1, byB: () => 1 },
	sub: { value: (a, b) => a - b, byA: () => 1, byB: () => -1 },
	mul: { value: (a, b) => a * b, byA: (_, b) => b, byB: (a) => a },
} as const satisfies Record<string, Operation>;

/** The name of an operation that takes two arrays element by element. */
export type BinaryName = keyof typeof operations;

/** a + b, a − b or a · b, broadcast by NumPy's rules. */
export function binary(name: BinaryName, a: Array64, b: Array64): Array64 {
	const operation: Operation = operations[name];
	const y = zeros(broadcastShape(a.shape, b.shape));
	forEachPair(a, b, y.shape, (inA, inB, inY) => {
		y.data[inY] = operation.value(a.data[inA], b.data[inB]);
	});
	return y;
}

/** The gradients of a binary operation: summed over the axes along which an input was broadcast. */
export function binaryBackward(name: BinaryName, a: Array64, b: Array64, dy: Array64): { a: Array64; b: Array64 } {
	const operation: Operation = operations[name];
	const gradients = { a: zeros(a.shape), b: zeros(b.shape) };
	forEachPair(a, b, dy.shape, (inA, inB, inY) => {
		gradients.a.data[inA] += dy.data[inY] * operation.byA(a.data[inA], b.data[inB]);
		gradients.b.data[inB] += dy.data[inY] * operation.byB(a.data[inA], b.data[inB]);
	});
	return gradients;
}
