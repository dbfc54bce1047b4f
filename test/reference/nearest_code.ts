import { type Array64, array, zeros } from "./array.js";

/** [N, D] as it is; [B, D, H, W] as rows [B·H·W, D]. */
export function rowsOf(z: Array64): Array64 {
	if (z.shape.length === 2) return array(z.shape, z.data);
	const [batch, depth, height, width] = z.shape;
	const rows = zeros([batch * height * width, depth]);
	for (let b = 0; b < batch; b++)
		for (let d = 0; d < depth; d++)
			for (let pixel = 0; pixel < height * width; pixel++) {
				rows.data[(b * height * width + pixel) * depth + d] = z.data[(b * depth + d) * height * width + pixel];
			}
	return rows;
}

/** The squared distance |z − e|² between row n of z [N, D] and code k of the codebook [K, D]. */
export function squaredDistance(rows: Array64, codebook: Array64, n: number, k: number): number {
	const depth = codebook.shape[1];
	let total = 0;
	for (let d = 0; d < depth; d++) total += (rows.data[n * depth + d] - codebook.data[k * depth + d]) ** 2;
	return total;
}

/** The squared length of row n of an array [N, D]. */
export function squaredLength(rows: Array64, n: number): number {
	const depth = rows.shape[1];
	return rows.data.subarray(n * depth, (n + 1) * depth).reduce((total, value) => total + value * value, 0);
}

/** What {@link nearestCode} found for each row. */
export interface NearestCodes {
	/** The index of the nearest code; among equals the lowest. */
	readonly indices: Uint32Array;
	/**
	 * How much farther the second-best code is, over |z|² + |e|², the size of the terms that float32 subtracts: below
	 * about 1e-5 float32 cannot tell the two apart. Infinite where there is a single code.
	 */
	readonly margins: Float64Array;
}

/** argminₖ |z − eₖ|² for each row of z ([N, D], or [B, D, H, W] with a row a pixel). */
export function nearestCode(z: Array64, codebook: Array64): NearestCodes {
	const rows = rowsOf(z);
	const indices = new Uint32Array(rows.shape[0]);
	const margins = new Float64Array(rows.shape[0]);
	for (let n = 0; n < indices.length; n++) {
		let [best, secondBest] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
		for (let k = 0; k < codebook.shape[0]; k++) {
			const distance = squaredDistance(rows, codebook, n, k);
			if (distance < best) {
				secondBest = best;
				best = distance;
				indices[n] = k;
			} else if (distance < secondBest) secondBest = distance;
		}
		margins[n] = (secondBest - best) / (squaredLength(rows, n) + squaredLength(codebook, indices[n]) || 1);
	}
	return { indices, margins };
}

/** The share of |z|² + |e|² by which a pick is farther than the nearest code: 0 for a right pick. */
export function excessOf(z: Array64, codebook: Array64, n: number, picked: number, nearest: number): number {
	const rows = rowsOf(z);
	const excess = squaredDistance(rows, codebook, n, picked) - squaredDistance(rows, codebook, n, nearest);
	return excess / (squaredLength(rows, n) + squaredLength(codebook, nearest) || 1);
}
