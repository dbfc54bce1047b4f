/** Intervals of an octave of probabilities, and octaves that are divided. */
const intervals = 32;
const octaves = 26;
/** A quantile of 1 in the table's units. */
const unit = 2 ** 20;

/**
 * The number that a normal variable exceeds with a probability of p at most 1/2, with a relative error below
 * 1.2e-9 (Acklam, "An algorithm for computing the inverse normal cumulative distribution function", 2003).
 */
function quantile(p: number): number {
	if (p > 0.02425) {
		const q = 0.5 - p;
		const r = q * q;
		const above = polynomial(
			r,
			[
				-3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2, 1.38357751867269e2, -3.066479806614716e1,
				2.506628277459239,
			],
		);
		const below = polynomial(
			r,
			[-5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1, -1.328068155288572e1, 1],
		);
		return (above * q) / below;
	}
	const q = Math.sqrt(-2 * Math.log(p));
	const above = polynomial(
		q,
		[
			-7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734, 4.374664141464968,
			2.938163982698783,
		],
	);
	const below = polynomial(q, [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416, 1]);
	return -above / below;
}

/** By Horner's rule, the coefficient of the highest power first. */
function polynomial(x: number, coefficients: readonly number[]): number {
	return coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0);
}

/**
 * The table of kernels/random.wgsl: at the start and the end of each interval of u, the quantile of the
 * probability (u + 1/2) / 2³². The octaves [2³⁰, 2³¹), [2²⁹, 2³⁰), … have 32 intervals each. Each u below
 * 32 is an interval of its own.
 */
export function normalQuantiles(): Int32Array {
	const rounded = (u: number) => Math.round(unit * quantile(Math.min(0.5, (u + 0.5) / 2 ** 32)));
	const table: number[] = [];
	for (let octave = 0; octave < octaves; octave++) {
		const start = 2 ** (30 - octave);
		for (let i = 0; i < intervals; i++) {
			const width = start / intervals;
			table.push(rounded(start + i * width), rounded(start + (i + 1) * width));
		}
	}
	for (let u = 0; u < intervals; u++) table.push(rounded(u), rounded(u));
	return Int32Array.from(table);
}
