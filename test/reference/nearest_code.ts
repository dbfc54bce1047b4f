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

/** argminₖ |z − eₖ|² for each row of z ([N, D], or [B, D, H, W] with a row a pixel); among equals the lowest index. */
export function nearestCode(z: Array64, codebook: Array64): Uint32Array {
	const rows = rowsOf(z);
	return Uint32Array.from({ length: rows.shape[0] }, (_, n) => {
		let [best, nearest] = [Number.POSITIVE_INFINITY, 0];
		for (let k = 0; k < codebook.shape[0]; k++) {
			const distance = squaredDistance(rows, codebook, n, k);
			if (distance < best) [best, nearest] = [distance, k];
		}
		return nearest;
	});
}

/**
 * By how much a picked code is farther than the nearest one, over what float32 may be off by in the two distances: D squared
 * differences, each rounded when it is taken and when it is added. At most 1 for a pick that float32 cannot tell from the
 * nearest.
 */
export function excessOf(z: Array64, codebook: Array64, n: number, picked: number, nearest: number): number {
	const rows = rowsOf(z);
	const least = squaredDistance(rows, codebook, n, nearest);
	const excess = squaredDistance(rows, codebook, n, picked) - least;
	return excess === 0 ? 0 : excess / (2 ** -23 * (codebook.shape[1] + 2) * least);
}
