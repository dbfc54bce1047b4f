import { type Array64, zeros } from "./array.js";

/** The window of a pooling, [vertical, horizontal]. */
export interface Window {
	readonly kernel: readonly [number, number];
	readonly stride: readonly [number, number];
	readonly padding: readonly [number, number];
	readonly dilation: readonly [number, number];
	readonly countIncludePad: boolean;
}

/** Calls f with each output, the positions in x of its window, and by how many a mean is divided. */
function forEachWindow(
	shape: readonly number[],
	output: readonly number[],
	{ kernel, stride, padding, dilation, countIncludePad }: Window,
	f: (at: number, positions: number[], divisor: number) => void,
): void {
	const [batch = 1, channels = 1, height = 1, width = 1] = shape;
	const [, , rows = 1, columns = 1] = output;
	for (let plane = 0; plane < batch * channels; plane++)
		for (let row = 0; row < rows; row++)
			for (let column = 0; column < columns; column++) {
				const positions: number[] = [];
				let padded = 0;
				for (let a = 0; a < kernel[0]; a++)
					for (let b = 0; b < kernel[1]; b++) {
						const v = row * stride[0] - padding[0] + a * dilation[0];
						const u = column * stride[1] - padding[1] + b * dilation[1];
						if (v < height + padding[0] && u < width + padding[1]) padded++;
						if (v >= 0 && v < height && u >= 0 && u < width) positions.push((plane * height + v) * width + u);
					}
				f((plane * rows + row) * columns + column, positions, countIncludePad ? padded : positions.length);
			}
}

/** The maximum or the mean of each window. */
export function pool(x: Array64, output: readonly number[], isMax: boolean, window: Window): Array64 {
	const y = zeros(output);
	forEachWindow(x.shape, output, window, (at, positions, divisor) => {
		const values = positions.map((position) => x.data[position]);
		y.data[at] = isMax ? Math.max(...values) : values.reduce((sum, value) => sum + value, 0) / divisor;
	});
	return y;
}

/** The gradient of {@link pool}; of a maximum to the first of equal elements. */
export function poolBackward(x: Array64, dy: Array64, isMax: boolean, window: Window): Array64 {
	const dx = zeros(x.shape);
	forEachWindow(x.shape, dy.shape, window, (at, positions, divisor) => {
		if (isMax) {
			const largest = Math.max(...positions.map((position) => x.data[position]));
			const first = positions.find((position) => x.data[position] === largest) as number;
			dx.data[first] += dy.data[at];
		} else for (const position of positions) dx.data[position] += dy.data[at] / divisor;
	});
	return dx;
}

/** For each output of a resizing, the positions in x that it uses, with their weights. */
type Weights = (row: number, column: number) => readonly (readonly [row: number, column: number, weight: number])[];

function resize(x: Array64, output: readonly number[], weights: Weights): Array64 {
	const [, , height = 1, width = 1] = x.shape;
	const [batch = 1, channels = 1, rows = 1, columns = 1] = output;
	const y = zeros(output);
	for (let at = 0; at < y.data.length; at++) {
		const plane = Math.floor(at / (rows * columns));
		const used = weights(Math.floor(at / columns) % rows, at % columns);
		for (const [v, u, weight] of used) y.data[at] += weight * x.data[(plane * height + v) * width + u];
	}
	return { ...y, shape: [batch, channels, rows, columns] };
}

function resizeBackward(shape: readonly number[], dy: Array64, weights: Weights): Array64 {
	const [, , height = 1, width = 1] = shape;
	const [, , rows = 1, columns = 1] = dy.shape;
	const dx = zeros(shape);
	for (let at = 0; at < dy.data.length; at++) {
		const plane = Math.floor(at / (rows * columns));
		for (const [v, u, weight] of weights(Math.floor(at / columns) % rows, at % columns))
			dx.data[(plane * height + v) * width + u] += weight * dy.data[at];
	}
	return dx;
}

function binWeights(from: readonly number[], to: readonly number[]): Weights {
	const bin = (i: number, length: number, bins: number) => {
		const start = Math.floor((i * length) / bins);
		const end = Math.ceil(((i + 1) * length) / bins);
		return Array.from({ length: end - start }, (_, k) => start + k);
	};
	const [, , height = 1, width = 1] = from;
	const [, , rows = 1, columns = 1] = to;
	return (row, column) => {
		const [vs, us] = [bin(row, height, rows), bin(column, width, columns)];
		return vs.flatMap((v) => us.map((u) => [v, u, 1 / (vs.length * us.length)] as const));
	};
}

/** The mean of each bin. */
export function adaptiveAvgPool(x: Array64, output: readonly number[]): Array64 {
	return resize(x, output, binWeights(x.shape, output));
}

/** The gradient of {@link adaptiveAvgPool}. */
export function adaptiveAvgPoolBackward(shape: readonly number[], dy: Array64): Array64 {
	return resizeBackward(shape, dy, binWeights(shape, dy.shape));
}

/** How images are resized: pixels of x from one of y to the next, [vertical, horizontal]. */
export interface Resizing {
	readonly linear: boolean;
	readonly alignCorners: boolean;
	readonly scale: readonly [number, number];
}

function pixelWeights(
	[, , height = 1, width = 1]: readonly number[],
	{ linear, alignCorners, scale }: Resizing,
): Weights {
	const along = (i: number, scale: number, length: number): [number, number][] => {
		if (!linear) return [[Math.min(Math.floor(i * scale), length - 1), 1]];
		const position = Math.max(alignCorners ? i * scale : (i + 0.5) * scale - 0.5, 0);
		const low = Math.min(Math.floor(position), length - 1);
		const weight = Math.min(position - low, 1);
		return [
			[low, 1 - weight],
			[Math.min(low + 1, length - 1), weight],
		];
	};
	return (row, column) =>
		along(row, scale[0], height).flatMap(([v, ofRow]) =>
			along(column, scale[1], width).map(([u, ofColumn]) => [v, u, ofRow * ofColumn] as const),
		);
}

/** Images of another size. */
export function interpolate(x: Array64, output: readonly number[], resizing: Resizing): Array64 {
	return resize(x, output, pixelWeights(x.shape, resizing));
}

/** The gradient of {@link interpolate}. */
export function interpolateBackward(shape: readonly number[], dy: Array64, resizing: Resizing): Array64 {
	return resizeBackward(shape, dy, pixelWeights(shape, resizing));
}
