/** How a code is drawn from a prior's logits, as `samplePrior` draws it. */
export interface DrawOptions {
	/** The divisor of the logits; 0 takes the likeliest code. */
	readonly temperature: number;
	/** Only so many of the likeliest codes, and those as likely as the last of them; undefined: all. */
	readonly topK: number | undefined;
}

/**
 * The probabilities with which codes are drawn: softmax(logits / temperature) over the `topK` likeliest codes.
 *
 * @returns [K], whose sum is 1; NaN if a logit is
 */
export function drawProbabilities(logits: Float32Array, { temperature, topK }: DrawOptions): Float64Array {
	const largest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
	const probabilities = new Float64Array(logits.length);
	if (temperature === 0) {
		probabilities[Math.max(0, logits.indexOf(largest))] = 1;
		return probabilities;
	}
	const threshold =
		topK === undefined || topK >= logits.length
			? Number.NEGATIVE_INFINITY
			: (logits.slice().sort()[logits.length - topK] as number);
	let sum = 0;
	for (const [code, logit] of logits.entries()) {
		const weight = logit >= threshold ? Math.exp((logit - largest) / temperature) : 0;
		probabilities[code] = weight;
		sum += weight;
	}
	return probabilities.map((weight) => weight / sum);
}

/** The code at which the cumulative probability passes `uniform`, in [0, 1). */
export function drawCode(probabilities: Float64Array, uniform: number): number {
	let cumulated = 0;
	let last = 0;
	for (const [code, probability] of probabilities.entries()) {
		if (!(probability > 0)) continue;
		cumulated += probability;
		last = code;
		if (uniform < cumulated) break;
	}
	return last; // because of rounding the sum may be just below `uniform`
}

/** The likeliest codes, most likely first; those without probability are left out. */
export function likeliest(
	probabilities: Float64Array,
	count: number,
): { readonly code: number; readonly probability: number }[] {
	return Array.from(probabilities, (probability, code) => ({ code, probability }))
		.filter(({ probability }) => probability > 0)
		.sort((a, b) => b.probability - a.probability)
		.slice(0, count);
}
