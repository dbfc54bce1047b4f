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
