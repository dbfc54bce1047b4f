import { type Array64, zeros } from "./array.js";

/** What is added before the gates. */
export interface Additions {
	/** As x. */
	readonly plus?: Array64;
	/** [B, 2C] */
	readonly bias?: Array64;
}

/** Calls f with the sums of both halves and the places of an element in y, and of its halves in x and in the bias. */
function forEachElement(
	x: Array64,
	{ plus, bias }: Additions,
	f: (a: number, b: number, inY: number, inX: readonly [number, number], inBias: readonly [number, number]) => void,
): void {
	const [batch, both, height, width] = x.shape;
	const [channels, plane] = [both / 2, height * width];
	const sum = (inX: number, inBias: number) => x.data[inX] + (plus?.data[inX] ?? 0) + (bias?.data[inBias] ?? 0);
	for (let n = 0; n < batch; n++)
		for (let c = 0; c < channels; c++)
			for (let p = 0; p < plane; p++) {
				const inBias = [n * both + c, n * both + channels + c] as const;
				const inX = [inBias[0] * plane + p, inBias[1] * plane + p] as const;
				f(sum(inX[0], inBias[0]), sum(inX[1], inBias[1]), (n * channels + c) * plane + p, inX, inBias);
			}
}

function sigmoid(x: number): number {
	return 1 / (1 + Math.exp(-x));
}

/** tanh of the first half of the channels times σ of the second: [B, 2C, H, W] → [B, C, H, W]. */
export function gatedActivation(x: Array64, additions: Additions): Array64 {
	const y = zeros(x.shape.with(1, x.shape[1] / 2));
	forEachElement(x, additions, (a, b, inY) => {
		y.data[inY] = Math.tanh(a) * sigmoid(b);
	});
	return y;
}

/** The gradient of x, which is also that of `plus`, and that of the bias. */
export function gatedActivationBackward(
	x: Array64,
	additions: Additions,
	dy: Array64,
): { readonly x: Array64; readonly bias: Array64 } {
	const gradients = { x: zeros(x.shape), bias: zeros(x.shape.slice(0, 2)) };
	forEachElement(x, additions, (a, b, inY, inX, inBias) => {
		const [t, g] = [Math.tanh(a), sigmoid(b)];
		for (const [i, value] of [(1 - t * t) * g, t * g * (1 - g)].entries()) {
			gradients.x.data[inX[i]] += dy.data[inY] * value;
			gradients.bias.data[inBias[i]] += dy.data[inY] * value;
		}
	});
	return gradients;
}
