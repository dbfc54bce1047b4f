/** Repeated times of one thing, in milliseconds. */
export interface Spread {
	readonly median: number;
	/** First and third quartile: half of the times are between them. */
	readonly quartiles: readonly [number, number];
	readonly runs: number;
}

/** The quantile `p` of sorted numbers, interpolated between neighbours. */
function quantile(sorted: readonly number[], p: number): number {
	const at = (sorted.length - 1) * p;
	const below = sorted[Math.floor(at)] as number;
	const above = sorted[Math.ceil(at)] as number;
	return below + (above - below) * (at - Math.floor(at));
}

/** Median and quartiles. @throws RangeError if there are no times */
export function spreadOf(times: readonly number[]): Spread {
	if (times.length === 0) throw new RangeError("There are no times to take the median of.");
	const sorted = [...times].sort((a, b) => a - b);
	return {
		median: quantile(sorted, 0.5),
		quartiles: [quantile(sorted, 0.25), quantile(sorted, 0.75)],
		runs: times.length,
	};
}

/** With fewer runs than these, quartiles say little. */
const fewRuns = 3;

/** The noise of a median: the distance of the quartiles, and at least 1 % (10 % of few runs). */
function noiseOf({ median, quartiles, runs }: Spread): number {
	return Math.max(quartiles[1] - quartiles[0], median * (runs < fewRuns ? 0.1 : 0.01));
}

/**
 * Whether two measurements differ by more than their noise: their medians are further apart than both interquartile
 * ranges together, added as independent errors are. The standard error of a median is about 0.93 · IQR / √runs, so with
 * seven runs this is some three standard errors.
 */
export function differ(before: Spread, after: Spread): boolean {
	return Math.abs(after.median - before.median) > Math.hypot(noiseOf(before), noiseOf(after));
}
