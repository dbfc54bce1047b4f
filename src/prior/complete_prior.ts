import { checkInstance, checkNumber, checkNumbers, checkOptions, wrongArgument } from "../base/arguments.js";
import { ShapeError } from "../base/errors.js";
import { Random } from "../base/random.js";
import { checkSampleOptions, type SampleOptions, sampleOptions } from "../ops/codes/sample_codes.js";
import { GatedPixelCNN } from "./gated_pixel_cnn.js";
import { mostGrids, PriorSampler } from "./sampler.js";

export interface CompletePriorOptions extends SampleOptions {
	/** The codes, [h, w]; those that are not kept may have any value. */
	readonly codes: ArrayLike<number>;
	/** Which codes are kept, [h, w]: 0 for those to draw, any other number for those to keep. */
	readonly keep: ArrayLike<number>;
	/** How many completions to draw. */
	readonly count: number;
	/** The class, for a prior with classes; without it the class is drawn as well. */
	readonly label?: number | undefined;
	/**
	 * The number of particles for each completion, if later codes are kept or the class is drawn (default
	 * 32).
	 */
	readonly particles?: number;
}

/**
 * Completes a grid: draws the codes that are not kept, given the kept codes before and after them.
 *
 * A position of the prior depends only on the codes before it. If codes after a free position are kept, or
 * the class is unknown, completions are drawn by sequential importance resampling (Gordon, Salmond & Smith,
 * "Novel approach to nonlinear/non-Gaussian Bayesian state estimation", 1993):
 * - Several particles are drawn for each completion. The weight of a particle is the probability that the
 *   prior gives to the kept codes, given the codes drawn before them.
 * - After each row with kept codes the particles are resampled by their weights (systematic resampling;
 *   Kitagawa, 1996).
 * - In the end one of the particles is taken at random.
 *
 * More particles come nearer to the conditional distribution. Weights and codes are read back once for each
 * such row. Temperature and top-k change how codes are drawn, not the weights.
 *
 * @returns uint32 [count, h, w]
 * @throws ArgumentError if an option is out of range, ShapeError if codes or keep are not of the grid's size
 * @example
 * const keep = codes.map((_, i) => (i < 24 ? 1 : 0)); // the upper part of a 7×7 grid
 * const completions = await completePrior(prior, { codes, keep, count: 8 });
 * const images = model.decode(gpu.tensor(completions, [8, 7, 7]));
 */
export async function completePrior(model: GatedPixelCNN, options: CompletePriorOptions): Promise<Uint32Array> {
	const name = "completePrior";
	checkInstance(name, "model", model, GatedPixelCNN, "a GatedPixelCNN");
	checkOptions(name, options, ["codes", "keep", "count", "label", "particles", ...sampleOptions]);
	checkSampleOptions(name, options);
	const { gpu, height, width, numClasses, numEmbeddings } = model;
	const { codes, keep, count, label, particles = 32, seed = 0 } = options;
	const positions = height * width;
	checkNumber(name, "count", count, { least: 1, most: mostGrids(model), whole: true });
	checkNumber(name, "particles", particles, { least: 1, whole: true });
	for (const [what, given] of Object.entries({ codes, keep }))
		if (checkNumbers(name, what, given).length !== positions)
			throw new ShapeError(
				`${name}: ${what} must be [${height}, ${width}], ${positions} numbers, but has ${given.length}.`,
			);
	if (label !== undefined && numClasses === 0)
		throw wrongArgument(name, "label", "left out, since the prior has no classes", label);
	if (label !== undefined) checkNumber(name, "label", label, { least: 0, below: numClasses, whole: true });

	const kept = Array.from(keep, (value) => value !== 0);
	for (let i = 0; i < positions; i++)
		if (kept[i]) checkNumber(name, `codes[${i}]`, codes[i], { least: 0, below: numEmbeddings, whole: true });
	const firstFree = kept.indexOf(false);
	const classIsDrawn = numClasses > 0 && label === undefined;
	const weighted = classIsDrawn ? kept.includes(true) : firstFree >= 0 && kept.lastIndexOf(true) > firstFree;
	const group = weighted ? particles : 1;
	const total = count * group;
	checkNumber(name, "count · particles", total, { most: mostGrids(model) });
	const repeated = (grid: ArrayLike<number>) =>
		Uint32Array.from({ length: total * positions }, (_, i) => grid[i % positions] as number);
	let labels: Uint32Array | undefined;
	const random = new Random(seed);
	if (numClasses > 0) {
		// The particles of a completion take the classes one after the other, from a random one, so that all
		// are equally likely.
		const starts = Uint32Array.from({ length: count }, () => random.integer(numClasses));
		labels = Uint32Array.from(
			{ length: total },
			(_, i) => label ?? ((starts[Math.floor(i / group)] as number) + i) % numClasses,
		);
	}
	const sampler = new PriorSampler(
		model,
		{ count: total, labels, codes: repeated(codes), keep: repeated(kept.map(Number)) },
		options,
	);
	try {
		// Without weights the rows before the first free position need not be scored.
		const firstRow = weighted ? 0 : Math.floor(Math.max(0, firstFree) / width);
		for (let row = firstRow; row < height; row++) {
			sampler.draw(row * width, (row + 1) * width);
			if (!weighted || !kept.slice(row * width, (row + 1) * width).includes(true)) continue;
			const [scores, drawn] = (await gpu.readAll([sampler.score, sampler.codes])) as [Float32Array, Uint32Array];
			const chosen = Array.from({ length: count }, (_, i) =>
				resample(scores.subarray(i * group, (i + 1) * group), random).map((particle) => i * group + particle),
			).flat();
			const next = new Uint32Array(drawn.length);
			for (const [i, from] of chosen.entries())
				next.set(drawn.subarray(from * positions, (from + 1) * positions), i * positions);
			const before = labels;
			if (before !== undefined) labels = Uint32Array.from(chosen, (from) => before[from] as number);
			sampler.replace(next, labels);
		}
		const drawn = await sampler.codes.data();
		const result = new Uint32Array(count * positions);
		for (let i = 0; i < count; i++) {
			const from = i * group + random.integer(group);
			result.set(drawn.subarray(from * positions, (from + 1) * positions), i * positions);
		}
		return result;
	} finally {
		sampler.dispose();
	}
}

/** Systematic resampling: as many indices as scores, each about as often as its share of exp(score). */
function resample(scores: Float32Array, random: Random): number[] {
	const largest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
	const weights = Array.from(scores, (score) => Math.exp(score - largest));
	const step = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
	const chosen: number[] = [];
	let goal = random.uniform() * step;
	let cumulated = 0;
	for (const [i, weight] of weights.entries()) {
		cumulated += weight;
		for (; goal < cumulated && chosen.length < weights.length; goal += step) chosen.push(i);
	}
	// Because of rounding the last goal may lie just above the sum.
	while (chosen.length < weights.length) chosen.push(chosen.at(-1) ?? 0);
	return chosen;
}
