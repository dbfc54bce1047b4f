/** QUARTERS of a kernel: how many groups of 4 output channels a workgroup computes, of at most `channels`. */
export function quartersFor(groupOutputs: number, channels: number): number {
	return groupOutputs > 4 ? channels / 4 : 1;
}

/** Workgroups that a weight gradient should have at least, and pixels that a split should have at least. */
const leastWorkgroups = 256;
const leastPixels = 512;

/**
 * Split-K of a weight gradient: how many parts its sum over pixels is computed in.
 *
 * @param tiles workgroups of one part
 * @param rows that the parts can be made of
 */
export function splitsFor(tiles: number, rows: number, pixels: number): number {
	return Math.max(1, Math.min(Math.floor(pixels / leastPixels), Math.ceil(leastWorkgroups / tiles), rows));
}
