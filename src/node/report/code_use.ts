/** A bin of the histogram of use: codes that are used at least `from` and less than `below` times the mean over all codes. */
interface UseBin {
	readonly from: number;
	readonly below: number;
	readonly name: string;
}

/** The bins of a histogram of how often codes are used, relative to the mean; the first is for codes that are not used. */
export const useBins: readonly UseBin[] = [
	{ from: 0, below: Number.MIN_VALUE, name: "unused" },
	{ from: Number.MIN_VALUE, below: 1 / 8, name: "below ⅛ of the mean" },
	{ from: 1 / 8, below: 1 / 2, name: "⅛ to ½" },
	{ from: 1 / 2, below: 2, name: "½ to 2 times" },
	{ from: 2, below: 8, name: "2 to 8 times" },
	{ from: 8, below: Number.POSITIVE_INFINITY, name: "8 times or more" },
];

/**
 * How many codes are in each of `useBins`.
 *
 * @param counts how often each code is used
 */
export function useHistogram(counts: Uint32Array): number[] {
	const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
	const bins = useBins.map(() => 0);
	for (const count of counts) {
		const share = count === 0 ? 0 : count / mean;
		const bin = useBins.findIndex(({ below }) => share < below);
		bins[bin] = (bins[bin] as number) + 1;
	}
	return bins;
}
