/** Vectors and codes, row-major, as both sides got them. */
export interface Problem {
	readonly z: Float32Array<ArrayBuffer>;
	readonly codebook: Float32Array<ArrayBuffer>;
	readonly dimensions: number;
}

/** What two answers to a nearest-code problem have not in common. */
export interface Disagreement {
	/** Vectors for which both codes are equally near, as far as float32 can tell. */
	readonly ties: number;
	/** Vectors for which the first answer's code is farther than the other's by more than rounding. */
	readonly firstWrong: number;
	/** The same for the second answer. */
	readonly secondWrong: number;
	/** The largest difference of the two squared distances over |z|² + |e|², among the ties. */
	readonly largestTie: number;
}

/** Half the distance of 1 and the next float32. */
const unitRoundoff = 2 ** -24;

/**
 * Compares two lists of nearest codes. If they differ, both squared distances are computed in float64. A
 * composition |z|² + |e|² − 2 z·e in float32 is off by at most about (D + 3) u (|z| + |e|)² (Higham, "Accuracy and
 * stability of numerical algorithms", section 3.1), so two distances are equal if they differ by no more than
 * twice that.
 */
export function compareIndices(
	first: ArrayLike<number>,
	second: ArrayLike<number>,
	{ z, codebook, dimensions }: Problem,
): Disagreement {
	let [ties, firstWrong, secondWrong, largestTie] = [0, 0, 0, 0];
	for (let row = 0; row < first.length; row++) {
		const codes = [first[row], second[row]] as [number, number];
		if (codes[0] === codes[1]) continue;
		let zz = 0;
		const distance = [0, 0];
		const ee = [0, 0];
		for (let d = 0; d < dimensions; d++) {
			const value = z[row * dimensions + d] as number;
			zz += value ** 2;
			for (const side of [0, 1] as const) {
				const code = codebook[codes[side] * dimensions + d] ?? Number.NaN;
				ee[side] = (ee[side] as number) + code ** 2;
				distance[side] = (distance[side] as number) + (value - code) ** 2;
			}
		}
		const size = (Math.sqrt(zz) + Math.sqrt(Math.max(...ee))) ** 2;
		const difference = (distance[0] as number) - (distance[1] as number);
		// An index outside the codebook makes this NaN, and then it is whose index it is that is wrong.
		if (Math.abs(difference) <= 2 * (dimensions + 3) * unitRoundoff * size) {
			ties++;
			largestTie = Math.max(largestTie, Math.abs(difference) / (zz + Math.max(...ee)));
		} else if (difference > 0 || Number.isNaN(distance[0])) firstWrong++;
		else secondWrong++;
	}
	return { ties, firstWrong, secondWrong, largestTie };
}
