/** How often each code occurs. */
export class CodeUse {
	/** [levels, K] */
	private readonly counts: Float64Array;

	constructor(
		private readonly levels: number,
		private readonly codes: number,
	) {
		this.counts = new Float64Array(levels * codes);
	}

	/** @param codes [positions, levels] */
	add(codes: Uint32Array): void {
		const { levels, counts } = this;
		for (let i = 0; i < codes.length; i++) counts[(i % levels) * this.codes + codes[i]]++;
	}

	/** Of each level: the number of codes that occur, and exp of the entropy of their frequencies. */
	perLevel(): readonly { readonly used: number; readonly perplexity: number }[] {
		return Array.from({ length: this.levels }, (_, level) => {
			const counts = this.counts.subarray(level * this.codes, (level + 1) * this.codes);
			const total = counts.reduce((a, b) => a + b, 0);
			let [used, entropy] = [0, 0];
			for (const count of counts) {
				if (count === 0) continue;
				used++;
				entropy -= (count / total) * Math.log(count / total);
			}
			return { used, perplexity: total === 0 ? 0 : Math.exp(entropy) };
		});
	}
}
