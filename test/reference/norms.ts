import { type Array64, map, zeros } from "./array.js";

/** Which elements are normalised together, and which weight each has. */
export interface Rows {
	/** For each element of x, its row. */
	readonly rowOf: (i: number) => number;
	/** For each element of x, its weight and bias. */
	readonly channelOf: (i: number) => number;
	readonly eps?: number;
}

/** The mean, the sum of squared deviations and the length of each row. */
export function moments(
	x: Array64,
	rowOf: (i: number) => number,
): { mean: number; deviations: number; count: number }[] {
	const rows: number[][] = [];
	for (const [i, value] of x.data.entries()) {
		rows[rowOf(i)] ??= [];
		rows[rowOf(i)].push(value);
	}
	return rows.map((values) => {
		const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
		const deviations = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
		return { mean, deviations, count: values.length };
	});
}

function normalised(x: Array64, { rowOf, eps = 1e-5 }: Rows): { hat: Array64; scales: number[] } {
	const stats = moments(x, rowOf);
	const scales = stats.map(({ deviations, count }) => 1 / Math.sqrt(deviations / count + eps));
	return { hat: map(x, (value, i) => (value - stats[rowOf(i)].mean) * scales[rowOf(i)]), scales };
}

/** (x − mean) / √(variance + ε) · weight + bias, with mean and variance of each row. */
export function norm(x: Array64, weight: Array64, bias: Array64, rows: Rows): Array64 {
	const { hat } = normalised(x, rows);
	return map(hat, (value, i) => value * weight.data[rows.channelOf(i)] + bias.data[rows.channelOf(i)]);
}

/** The gradients of {@link norm}. */
export function normBackward(
	x: Array64,
	weight: Array64,
	dy: Array64,
	rows: Rows,
): { x: Array64; weight: Array64; bias: Array64 } {
	const { rowOf, channelOf } = rows;
	const { hat, scales } = normalised(x, rows);
	const g = map(dy, (value, i) => value * weight.data[channelOf(i)]);
	const [sums, products, counts] = [0, 1, 2].map(() => scales.map(() => 0)) as [number[], number[], number[]];
	const [dWeight, dBias] = [zeros(weight.shape), zeros(weight.shape)];
	for (const [i, value] of g.data.entries()) {
		sums[rowOf(i)] += value;
		products[rowOf(i)] += value * hat.data[i];
		counts[rowOf(i)]++;
		dWeight.data[channelOf(i)] += dy.data[i] * hat.data[i];
		dBias.data[channelOf(i)] += dy.data[i];
	}
	const dx = map(g, (value, i) => {
		const row = rowOf(i);
		return (value - (sums[row] + hat.data[i] * products[row]) / counts[row]) * scales[row];
	});
	return { x: dx, weight: dWeight, bias: dBias };
}

/** The running mean and variance of each channel after a batch [N, C, H, W]. */
export function runningStats(
	x: Array64,
	mean: Array64,
	variance: Array64,
	momentum: number,
): { mean: Array64; variance: Array64 } {
	const [, channels = 1, height = 1, width = 1] = x.shape;
	const stats = moments(x, (i) => Math.floor(i / (height * width)) % channels);
	return {
		mean: map(mean, (value, c) => (1 - momentum) * value + momentum * stats[c].mean),
		variance: map(
			variance,
			(value, c) => (1 - momentum) * value + (momentum * stats[c].deviations) / (stats[c].count - 1),
		),
	};
}
