import { checkNumbers } from "../base/arguments.js";

/**
 * How a codebook is used, from how often each code occurs: the perplexity exp(−Σ p ln p), and the number of codes that
 * occur at all. Both are 0 where nothing was counted.
 */
export function codeUse(counts: ArrayLike<number>): { perplexity: number; codesInUse: number } {
	const present = Array.from(checkNumbers("codeUse", "counts", counts, { least: 0 })).filter((count) => count > 0);
	const total = present.reduce((sum, count) => sum + count, 0);
	const entropy = present.reduce((sum, count) => sum - (count / total) * Math.log(count / total), 0);
	return { perplexity: present.length === 0 ? 0 : Math.exp(entropy), codesInUse: present.length };
}
