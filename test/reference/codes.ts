import { type Array64, array } from "./array.js";
import { vectorsOf } from "./vectors.js";

/** counts[k]: how often k occurs. */
export function countCodes(indices: ArrayLike<number>, codes: number): Uint32Array {
	const counts = new Uint32Array(codes);
	for (const index of Array.from(indices)) if (index >= 0 && index < codes) counts[index] += 1;
	return counts;
}

/** exp(−Σ p ln p) with p the frequencies of the codes; 0 if nothing was counted. */
export function perplexity(indices: ArrayLike<number>, codes: number): number {
	const counts = Array.from(countCodes(indices, codes));
	const total = counts.reduce((sum, count) => sum + count, 0);
	if (total === 0) return 0;
	return Math.exp(
		-counts.reduce((sum, count) => (count === 0 ? sum : sum + (count / total) * Math.log(count / total)), 0),
	);
}

/** The sum of the vectors of z [N, D] or [B, D, H, W] with each index, and their number in one more column: [K, D + 1]. */
export function codeSums(z: Array64, indices: ArrayLike<number>, codes: number): Array64 {
	const vectors = vectorsOf(z);
	const columns = (z.shape[1] as number) + 1;
	const sums = array([codes, columns], new Float64Array(codes * columns));
	for (const [n, vector] of vectors.entries())
		for (const [d, value] of [...vector, 1].entries()) sums.data[(indices[n] as number) * columns + d] += value;
	return sums;
}

/** [n, l] = levels[l][n] + l · offset */
export function joinLevels(levels: readonly (readonly number[])[], offset = 0): number[] {
	return (levels[0] ?? []).flatMap((_, n) => levels.map((codes, level) => (codes[n] as number) + level * offset));
}

/** [n] = joined[n, level], one of `count` levels */
export function takeLevel(joined: ArrayLike<number>, level: number, count: number): number[] {
	return Array.from({ length: joined.length / count }, (_, n) => joined[n * count + level] as number);
}

/** The gradient of factor/2 · Σ_n ‖e_index[n] − z_n‖² by the codebook: factor · Σ (e_k − z_n) over the n with index k. */
export function codebookGradient(z: Array64, codebook: Array64, indices: ArrayLike<number>, factor: number): Array64 {
	const [, dimensions] = codebook.shape as [number, number];
	const gradient = array(codebook.shape, new Float64Array(codebook.data.length));
	for (const [n, vector] of vectorsOf(z).entries())
		for (const [d, value] of vector.entries()) {
			const at = (indices[n] as number) * dimensions + d;
			gradient.data[at] += factor * ((codebook.data[at] as number) - value);
		}
	return gradient;
}

/**
 * A codebook [K, D] as nearest_code.wgsl reads it, K and D filled up: −e as [K / width, D, width], and ½‖e‖².
 * A code that is added is at an unreachable distance.
 */
export function prepareCodebook(
	codebook: Array64,
	width: number,
	dimensions: number,
): { readonly transposed: number[]; readonly halfNorm: number[] } {
	const [codes, own] = codebook.shape as [number, number];
	const at = (k: number, d: number) => (k < codes && d < own ? (codebook.data[k * own + d] as number) : 0);
	const padded = Math.ceil(codes / width) * width;
	const transposed: number[] = [];
	for (let first = 0; first < padded; first += width)
		for (let d = 0; d < dimensions; d++) for (let j = 0; j < width; j++) transposed.push(-at(first + j, d));
	const halfNorm = Array.from({ length: padded }, (_, k) => {
		if (k >= codes) return 3.4e38;
		return Array.from({ length: own }, (_, d) => at(k, d) ** 2 / 2).reduce((sum, value) => sum + value, 0);
	});
	return { transposed, halfNorm };
}
