// Principal component analysis of latents, on the host: D is small.

/** A plane through the latents' mean. */
export interface Plane {
	readonly mean: Float64Array;
	/** Two directions of length 1, [2][D] */
	readonly axes: readonly [Float64Array, Float64Array];
	/** The share of the variance in the plane. */
	readonly explained: number;
}

const iterations = 60;

/**
 * The plane of the largest variance, by subspace iteration on the covariance matrix.
 *
 * @param vectors [n, D]
 * @param before the plane of the frame before: the iteration starts there, and the axes are turned to fit it best, so that the
 * picture does not jump (orthogonal Procrustes problem in two dimensions)
 */
export function principalPlane(vectors: Float32Array, dimensions: number, before?: Plane | undefined): Plane {
	const count = vectors.length / dimensions;
	const mean = new Float64Array(dimensions);
	for (let i = 0; i < vectors.length; i++) mean[i % dimensions] += (vectors[i] as number) / count;
	const covariance = new Float64Array(dimensions * dimensions);
	const centred = new Float64Array(dimensions);
	for (let row = 0; row < count; row++) {
		for (let d = 0; d < dimensions; d++) centred[d] = (vectors[row * dimensions + d] as number) - (mean[d] as number);
		for (let a = 0; a < dimensions; a++)
			for (let b = 0; b < dimensions; b++)
				covariance[a * dimensions + b] += ((centred[a] as number) * (centred[b] as number)) / count;
	}
	const known = before?.mean.length === dimensions ? before : undefined;
	let first = known?.axes[0].slice() ?? unit(dimensions, 0);
	let second = known?.axes[1].slice() ?? unit(dimensions, 1);
	for (let i = 0; i < iterations; i++) {
		first = normalised(times(covariance, first), 0);
		const next = times(covariance, second);
		const along = dot(next, first);
		second = normalised(
			next.map((value, d) => value - along * (first[d] as number)),
			1,
		);
	}
	const variance = dot(times(covariance, first), first) + dot(times(covariance, second), second);
	const total = Array.from({ length: dimensions }, (_, d) => covariance[d * dimensions + d] as number);
	const sum = total.reduce((a, b) => a + b, 0);
	const axes = known === undefined ? ([first, second] as const) : turned([first, second], known.axes);
	return { mean, axes, explained: sum > 0 ? Math.min(1, variance / sum) : 0 };
}

/** Vectors [n, D] in the plane, [n, 2]. */
export function project(vectors: Float32Array, dimensions: number, { mean, axes }: Plane): Float32Array {
	const count = vectors.length / dimensions;
	const points = new Float32Array(2 * count);
	for (let i = 0; i < count; i++)
		for (let d = 0; d < dimensions; d++) {
			const value = (vectors[i * dimensions + d] as number) - (mean[d] as number);
			points[2 * i] += value * (axes[0][d] as number);
			points[2 * i + 1] += value * (axes[1][d] as number);
		}
	return points;
}

function unit(dimensions: number, at: number): Float64Array {
	const vector = new Float64Array(dimensions);
	vector[at % dimensions] = 1;
	return vector;
}

function times(matrix: Float64Array, vector: Float64Array): Float64Array {
	const { length } = vector;
	return vector.map((_, row) => {
		let sum = 0;
		for (let column = 0; column < length; column++)
			sum += (matrix[row * length + column] as number) * (vector[column] as number);
		return sum;
	});
}

function dot(a: Float64Array, b: Float64Array): number {
	return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
}

/** Scaled to length 1; a vector of zeros becomes the unit vector of `axis`. */
function normalised(vector: Float64Array, axis: number): Float64Array {
	const length = Math.sqrt(dot(vector, vector));
	return length > 1e-30 ? vector.map((value) => value / length) : unit(vector.length, axis);
}

/** The axes, turned or mirrored in their plane so that they come nearest to those before. */
function turned(
	[first, second]: readonly [Float64Array, Float64Array],
	[a, b]: Plane["axes"],
): readonly [Float64Array, Float64Array] {
	const [m00, m01, m10, m11] = [dot(first, a), dot(second, a), dot(first, b), dot(second, b)];
	const mix = (p: number, q: number) => first.map((value, d) => p * value + q * (second[d] as number));
	// The nearest rotation, or the nearest reflection, whichever fits better.
	const rotation = Math.hypot(m00 + m11, m10 - m01);
	const reflection = Math.hypot(m00 - m11, m10 + m01);
	if (rotation >= reflection) {
		if (rotation < 1e-12) return [first, second];
		const [cos, sin] = [(m00 + m11) / rotation, (m10 - m01) / rotation];
		return [mix(cos, -sin), mix(sin, cos)];
	}
	const [cos, sin] = [(m00 - m11) / reflection, (m10 + m01) / reflection];
	return [mix(cos, sin), mix(sin, -cos)];
}
