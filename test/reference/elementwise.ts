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

/** An operation with two operands, and its derivatives. */
interface Operation {
	readonly value: (a: number, b: number) => number;
	readonly byA: (a: number, b: number) => number;
	readonly byB: (a: number, b: number) => number;
}

/** The part of the gradient that the larger of two operands gets: all of it, or half if they are equal. */
function half(difference: number): number {
	return difference > 0 ? 1 : difference === 0 ? 0.5 : 0;
}

const operations = {
	add: { value: (a, b) => a + b, byA: () => 1, byB: () => 1 },
	sub: { value: (a, b) => a - b, byA: () => 1, byB: () => -1 },
	mul: { value: (a, b) => a * b, byA: (_, b) => b, byB: (a) => a },
	div: { value: (a, b) => a / b, byA: (_, b) => 1 / b, byB: (a, b) => -a / (b * b) },
	maximum: { value: Math.max, byA: (a, b) => half(a - b), byB: (a, b) => half(b - a) },
	minimum: { value: Math.min, byA: (a, b) => half(b - a), byB: (a, b) => half(a - b) },
	pow: {
		value: (a, b) => (a === 1 ? 1 : a ** b),
		byA: (a, b) => (b === 0 ? 0 : b * a ** (b - 1)),
		byB: (a, b) => (a === 0 && b >= 0 ? 0 : a ** b * Math.log(a)),
	},
} as const satisfies Record<string, Operation>;

/** The name of an operation that takes two arrays element by element. */
export type BinaryName = keyof typeof operations;

/** a ∘ b, broadcast by NumPy's rules. */
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

const comparisons = {
	equal: (a, b) => a === b,
	notEqual: (a, b) => a !== b,
	greater: (a, b) => a > b,
	greaterEqual: (a, b) => a >= b,
	less: (a, b) => a < b,
	lessEqual: (a, b) => a <= b,
} as const satisfies Record<string, (a: number, b: number) => boolean>;

export type ComparisonName = keyof typeof comparisons;

/** 1 if a ∘ b, else 0, broadcast by NumPy's rules. */
export function compare(name: ComparisonName, a: Array64, b: Array64): Array64 {
	const y = zeros(broadcastShape(a.shape, b.shape));
	forEachPair(a, b, y.shape, (inA, inB, inY) => {
		y.data[inY] = comparisons[name](a.data[inA], b.data[inB]) ? 1 : 0;
	});
	return y;
}

/** x broadcast to a shape. */
export function expand(x: Array64, shape: readonly number[]): Array64 {
	const y = zeros(shape);
	for (let i = 0; i < y.data.length; i++) y.data[i] = x.data[broadcastOffset(x.shape, indexOf(shape, i))];
	return y;
}

/** The gradient of {@link expand}: the sum over the repetitions. */
export function expandBackward(x: Array64, dy: Array64): Array64 {
	const dx = zeros(x.shape);
	for (let i = 0; i < dy.data.length; i++) dx.data[broadcastOffset(x.shape, indexOf(dy.shape, i))] += dy.data[i];
	return dx;
}

/** a where the condition is not 0, else b, all broadcast. */
export function where(condition: Array64, a: Array64, b: Array64): Array64 {
	const shape = broadcastShape(broadcastShape(condition.shape, a.shape), b.shape);
	const [c, x, y] = [condition, a, b].map((each) => expand(each, shape)) as [Array64, Array64, Array64];
	return map(x, (value, i) => (c.data[i] !== 0 ? value : y.data[i]));
}

/** The gradients of {@link where} by a and b. */
export function whereBackward(condition: Array64, a: Array64, b: Array64, dy: Array64): { a: Array64; b: Array64 } {
	const c = expand(condition, dy.shape);
	return {
		a: expandBackward(
			a,
			map(dy, (value, i) => (c.data[i] !== 0 ? value : 0)),
		),
		b: expandBackward(
			b,
			map(dy, (value, i) => (c.data[i] !== 0 ? 0 : value)),
		),
	};
}

/** A number as an integer of 32 bits, rounded towards 0 and limited to its range; NaN becomes 0. */
export function cast(x: Array64, signed: boolean): Array64 {
	const [least, most] = signed ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1];
	return map(x, (value) => (Number.isNaN(value) ? 0 : Math.min(most, Math.max(least, Math.trunc(value)))));
}
