import { boundedScalar } from "../../reference/quantizers.js";

/** A quantizer as the check of ties needs it. */
export type CheckedQuantizer =
	| { readonly levels: readonly number[] }
	| { readonly codebooks: readonly (readonly (readonly number[])[])[]; readonly cosine: boolean };

/** What float32 may be off by in a latent, relative to its length: the rounding of the sums of a few convolutions. */
const latentError = 64 * 2 ** -24;

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const length = (a: readonly number[]) => Math.sqrt(dot(a, a));
const minus = (a: readonly number[], b: readonly number[]) => a.map((value, i) => value - b[i]);
const unit = (a: readonly number[]) => a.map((value) => value / Math.max(length(a), 1e-12));

/**
 * Whether two codes of a latent, one index for each level, are equal but for float32's rounding: the distances at the first level
 * at which they differ, in float64, or how far a scalar is from the middle between two values.
 */
export function isTie(
	z: readonly number[],
	quantizer: CheckedQuantizer,
	ours: readonly number[],
	theirs: readonly number[],
): boolean {
	if ("levels" in quantizer) return isScalarTie(z, quantizer.levels, ours[0], theirs[0]);
	let residual = z;
	for (const [level, book] of quantizer.codebooks.entries()) {
		const prepare = quantizer.cosine ? unit : (a: readonly number[]) => a;
		const [own, other] = [prepare(book[ours[level]]), prepare(book[theirs[level]])];
		if (ours[level] === theirs[level]) {
			residual = minus(residual, own);
			continue;
		}
		const latent = prepare(residual);
		const distances = [own, other].map((code) => dot(minus(latent, code), minus(latent, code)));
		// An error of the latent moves the difference of the distances by twice its product with the difference of the codes.
		const scale = quantizer.cosine ? length(z) / length(residual) : length(z);
		const rounding = latentError * (2 * scale * length(minus(own, other)) + Math.max(...distances));
		return Math.abs(distances[0] - distances[1]) <= rounding;
	}
	return true;
}

function isScalarTie(z: readonly number[], levels: readonly number[], ours: number, theirs: number): boolean {
	let [a, b] = [ours, theirs];
	return levels.every((level, d) => {
		const same = a % level === b % level;
		[a, b] = [Math.floor(a / level), Math.floor(b / level)];
		const { bounded } = boundedScalar(z[d], level);
		return same || Math.abs(Math.abs(bounded % 1) - 0.5) <= latentError * level * (1 + length(z));
	});
}
