import { checkInstance, checkNumber, checkNumbers, checkOptions, wrongArgument } from "../base/arguments.js";
import { ShapeError } from "../base/errors.js";
import { Random } from "../base/random.js";
import { checkSampleOptions, type SampleOptions, sampleOptions } from "../ops/codes/sample_codes.js";
import { GatedPixelCNN } from "./gated_pixel_cnn.js";
import { mostGrids, PriorSampler } from "./sampler.js";

export interface CompletePriorOptions extends SampleOptions {
	/** [h, w]: the codes that are kept, with any others in between. */
	readonly codes: ArrayLike<number>;
	/** [h, w]: not 0 where a code is kept. */
	readonly keep: ArrayLike<number>;
	/** How many completions to draw. */
	readonly count: number;
	/** The class, for a prior with classes; where it is left out it is drawn as well. */
	readonly label?: number | undefined;
	/** Candidates that compete for each completion where later codes are kept, or the class is drawn (default 32). */
	readonly particles?: number;
}

/**
 * Draws the codes of a grid that are not kept, given those that are, wherever these lie.
 *
 * The prior itself only knows of the codes before a position. So where codes after a free position are kept, or the class is
 * unknown, several candidates are drawn for each completion, and weighed by the probability that the prior gives to the
 * kept codes after what was drawn. After each row with kept codes the candidates are drawn anew by their weights, the likely
 * ones several times, and in the end one of them is taken: sequential importance resampling (Gordon, Salmond & Smith, "Novel
 * approach to nonlinear/non-Gaussian Bayesian state estimation", 1993, with the systematic resampling of Kitagawa, 1996).
 * The more candidates, the nearer to the conditional distribution. Only their weights and codes are read back, once a row.
 *
 * Temperature and top-k change how candidates are drawn, not how they are weighed.
 *
 * @returns uint32 [count, h, w]
 * @throws ArgumentError, ShapeError
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
	const weighed = classIsDrawn ? kept.includes(true) : firstFree >= 0 && kept.lastIndexOf(true) > firstFree;
	const group = weighed ? particles : 1;
	const total = count * group;
	checkNumber(name, "count · particles", total, { most: mostGrids(model) });
	const repeated = (grid: ArrayLike<number>) =>
		Uint32Array.from({ length: total * positions }, (_, i) => grid[i % positions] as number);
	let labels: Uint32Array | undefined;
	const random = new Random(seed);
	if (numClasses > 0) {
		// Each group has the classes in turn, from a random one on, so that all are equally likely.
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
		// Where nothing is weighed, nothing needs to be known of codes that are kept before the first free one.
		const firstRow = weighed ? 0 : Math.floor(Math.max(0, firstFree) / width);
		for (let row = firstRow; row < height; row++) {
			sampler.draw(row * width, (row + 1) * width);
			if (!weighed || !kept.slice(row * width, (row + 1) * width).includes(true)) continue;
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

/** As many indices as there are weights, each about as often as its share of exp(score), by systematic resampling. */
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
	// Rounding may leave the last goal just above the sum.
	while (chosen.length < weights.length) chosen.push(chosen.at(-1) ?? 0);
	return chosen;
}
