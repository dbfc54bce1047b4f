import { ArgumentError } from "../../base/errors.js";
import { CodebookQuantizer } from "../../quantizers/codebook_quantizer.js";
import { FiniteScalarQuantizer } from "../../quantizers/finite_scalar_quantizer.js";
import { type Initialisation, initialiseCodebook } from "../../quantizers/initialise.js";
import { ResidualQuantizer } from "../../quantizers/residual_quantizer.js";
import type { Gpu } from "../../tensor/gpu.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Quantizer } from "../../vqvae/quantizer.js";
import type { VQVAEOptions } from "../../vqvae/vqvae.js";

/** The quantizers that the command line offers; all but "fsq" have codebooks. */
export const quantizerKinds = ["ema", "loss", "residual", "fsq"] as const;
export const initialisations: readonly Initialisation[] = ["normal", "uniform", "data", "kmeans"];
export const similarities = ["euclidean", "cosine"] as const;
export const gradients = ["straight-through", "rotation"] as const;

/** What describes a quantizer, on the command line and in a checkpoint. */
export interface QuantizerOptions {
	readonly quantizer: (typeof quantizerKinds)[number];
	readonly codes: number;
	readonly dim: number;
	readonly beta: number;
	readonly decay: number;
	readonly deadBelow: number;
	readonly similarity: (typeof similarities)[number];
	readonly gradient: (typeof gradients)[number];
	/** Of a residual quantizer one number: how many codebooks. Of FSQ how many values each dimension has. */
	readonly levels: readonly number[];
	readonly init: Initialisation;
	readonly seed: number;
}

/** Whether the options describe the paper's quantizer, as `VQVAE` has it without another. */
function isPaperQuantizer({ quantizer, deadBelow, similarity, gradient, init }: QuantizerOptions): boolean {
	return (
		quantizer === "loss" &&
		init === "normal" &&
		deadBelow === 0 &&
		similarity === "euclidean" &&
		gradient === "straight-through"
	);
}

/**
 * The options of `VQVAE` that give it the quantizer described.
 *
 * @throws ArgumentError where one is out of range.
 */
export function quantizerForModel(gpu: Gpu, options: QuantizerOptions): VQVAEOptions<Quantizer> {
	const { quantizer, levels, codes, dim, beta, decay, deadBelow, similarity, gradient, seed } = options;
	if (!quantizerKinds.includes(quantizer))
		throw new ArgumentError(`there is no quantizer ${JSON.stringify(quantizer)}, but ${quantizerKinds.join(", ")}.`);
	if (!Array.isArray(levels)) throw new ArgumentError(`levels must be a list, but are ${JSON.stringify(levels)}.`);
	if (quantizer === "fsq") return { quantizer: new FiniteScalarQuantizer(gpu, levels) };
	if (isPaperQuantizer(options)) return { embeddingDim: dim, numEmbeddings: codes, commitmentCost: beta };
	const codebook = {
		learning: quantizer === "loss" ? "loss" : "ema",
		embeddingDim: dim,
		numEmbeddings: codes,
		commitmentCost: beta,
		decay,
		deadBelow,
		similarity,
		gradient,
		seed,
	} as const;
	if (quantizer !== "residual") return { quantizer: new CodebookQuantizer(gpu, codebook) };
	const [count = 2, ...more] = levels;
	if (more.length > 0)
		throw new ArgumentError(`--levels of a residual quantizer is one number, not ${levels.join(",")}.`);
	return { quantizer: new ResidualQuantizer(gpu, { ...codebook, levels: count }) };
}

/** Whether the first codes are made of latents. */
export function beginsWithLatents({ quantizer, init }: QuantizerOptions): boolean {
	return quantizer !== "fsq" && (init === "data" || init === "kmeans");
}

/** Gives the quantizer its first codes; one without a codebook needs none. */
export function initialiseQuantizer(
	quantizer: Quantizer,
	method: Initialisation,
	latents: Tensor | undefined,
	seed: number,
): void {
	if (quantizer instanceof ResidualQuantizer) quantizer.initialise(method, latents, { seed });
	else if (quantizer instanceof CodebookQuantizer) initialiseCodebook(quantizer, method, latents, { seed });
}
