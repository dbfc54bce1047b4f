import { checkNumbers } from "../base/arguments.js";

/**
 * How a codebook is used: the perplexity exp(−Σ p ln p), with p the frequency of a code, and the number of
 * codes that occur at all.
 *
 * @param counts how often each code occurs
 * @returns both 0 if nothing was counted
 * @throws ArgumentError unless all counts are at least 0
 * @example
 * codeUse([3, 3, 0, 0]); // { perplexity: 2, codesInUse: 2 }
 */
export function codeUse(counts: ArrayLike<number>): { perplexity: number; codesInUse: number } {
	const present = Array.from(checkNumbers("codeUse", "counts", counts, { least: 0 })).filter((count) => count > 0);
	const total = present.reduce((sum, count) => sum + count, 0);
	const entropy = present.reduce((sum, count) => sum - (count / total) * Math.log(count / total), 0);
	return { perplexity: present.length === 0 ? 0 : Math.exp(entropy), codesInUse: present.length };
}
