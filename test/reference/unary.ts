import { type Array64, map } from "./array.js";

/** The numbers of an operation: a, b as in kernels/unary.wgsl. */
export interface UnarySettings {
	readonly a?: number;
	readonly b?: number;
}

/** A function with its derivative. */
interface Unary {
	readonly value: (x: number, settings: Required<UnarySettings>) => number;
	readonly derivative: (x: number, settings: Required<UnarySettings>) => number;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Φ(x) = 1/2 + φ(x) · (x + x³/3 + x⁵/(3·5) + …) for positive x. */
function normalCumulative(x: number): number {
	if (x < 0) return 1 - normalCumulative(-x);
	if (x > 9) return 1;
	let term = x;
	let sum = 0;
	for (let n = 1; n < 200; n++) {
		sum += term;
		term *= (x * x) / (2 * n + 1);
	}
	return 0.5 + normalDensity(x) * sum;
}

function normalDensity(x: number): number {
	return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
}

/** The half that is even of two. */
function roundHalfToEven(x: number): number {
	const below = Math.floor(x);
	if (x - below !== 0.5) return Math.round(x);
	return below % 2 === 0 ? below : below + 1;
}

const cubic = (x: number) => Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);

const operations = {
	neg: { value: (x) => -x, derivative: () => -1 },
	abs: { value: Math.abs, derivative: Math.sign },
	sign: { value: Math.sign, derivative: () => 0 },
	exp: { value: Math.exp, derivative: Math.exp },
	log: { value: Math.log, derivative: (x) => 1 / x },
	sqrt: { value: Math.sqrt, derivative: (x) => 0.5 / Math.sqrt(x) },
	square: { value: (x) => x * x, derivative: (x) => 2 * x },
	reciprocal: { value: (x) => 1 / x, derivative: (x) => -1 / (x * x) },
	sin: { value: Math.sin, derivative: Math.cos },
	cos: { value: Math.cos, derivative: (x) => -Math.sin(x) },
	tanh: { value: Math.tanh, derivative: (x) => 1 - Math.tanh(x) ** 2 },
	sigmoid: { value: sigmoid, derivative: (x) => sigmoid(x) * (1 - sigmoid(x)) },
	silu: { value: (x) => x * sigmoid(x), derivative: (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x))) },
	gelu: { value: (x) => x * normalCumulative(x), derivative: (x) => normalCumulative(x) + x * normalDensity(x) },
	geluTanh: {
		value: (x) => (x * (1 + Math.tanh(cubic(x)))) / 2,
		derivative: (x) => {
			const t = Math.tanh(cubic(x));
			return (1 + t + x * (1 - t * t) * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x)) / 2;
		},
	},
	leakyRelu: { value: (x, { a }) => (x < 0 ? a * x : x), derivative: (x, { a }) => (x > 0 ? 1 : a) },
	elu: {
		value: (x, { a }) => (x < 0 ? a * Math.expm1(x) : x),
		derivative: (x, { a }) => (x > 0 ? 1 : a * Math.exp(x)),
	},
	softplus: {
		value: (x, { a, b }) => (a * x > b ? x : Math.log1p(Math.exp(a * x)) / a),
		derivative: (x, { a, b }) => (a * x > b ? 1 : sigmoid(a * x)),
	},
	clamp: {
		value: (x, { a, b }) => Math.min(Math.max(x, a), b),
		derivative: (x, { a, b }) => (x >= a && x <= b ? 1 : 0),
	},
	floor: { value: Math.floor, derivative: () => 0 },
	round: { value: roundHalfToEven, derivative: () => 0 },
} as const satisfies Record<string, Unary>;

export type UnaryName = keyof typeof operations;

/** f(x), element by element. */
export function unary(name: UnaryName, x: Array64, { a = 0, b = 0 }: UnarySettings = {}): Array64 {
	const { value }: Unary = operations[name];
	return map(x, (element) => value(element, { a, b }));
}

/** The gradient of {@link unary}: dy · f'(x). */
export function unaryBackward(name: UnaryName, x: Array64, dy: Array64, { a = 0, b = 0 }: UnarySettings = {}): Array64 {
	const { derivative }: Unary = operations[name];
	return map(dy, (element, i) => element * derivative(x.data[i], { a, b }));
}
