import { isDeepStrictEqual } from "node:util";
import { ArgumentError } from "../../base/errors.js";
import { type CodebookOptions, CodebookQuantizer } from "../../quantizers/codebook_quantizer.js";
import { FiniteScalarQuantizer } from "../../quantizers/finite_scalar_quantizer.js";
import { type Initialisation, initialiseCodebook } from "../../quantizers/initialise.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import { ResidualQuantizer } from "../../quantizers/residual_quantizer.js";
import type { Gpu, Tensor } from "../../tensor/tensor.js";
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

/** What the paper's quantizer has not: codes that are learnt by gradient are a `VectorQuantizer` with these settings. */
const paper = { deadBelow: 0, similarity: "euclidean", gradient: "straight-through", init: "normal" } as const;

/** How each kind of quantizer is made: the options of `VQVAE` that give it the quantizer. */
const constructors: Readonly<
	Record<QuantizerOptions["quantizer"], (gpu: Gpu, options: QuantizerOptions) => VQVAEOptions<Quantizer>>
> = {
	ema: (gpu, options) => ({ quantizer: new CodebookQuantizer(gpu, codebookOptions(options)) }),
	loss: (gpu, options) => {
		const { dim, codes, beta, deadBelow, similarity, gradient, init } = options;
		// The model makes its own VectorQuantizer, whose codes come from the same random numbers as its layers.
		if (isDeepStrictEqual({ deadBelow, similarity, gradient, init }, paper))
			return { embeddingDim: dim, numEmbeddings: codes, commitmentCost: beta };
		return { quantizer: new CodebookQuantizer(gpu, { ...codebookOptions(options), learning: "loss" }) };
	},
	residual: (gpu, options) => {
		const [levels = 2, ...more] = options.levels;
		if (more.length > 0)
			throw new ArgumentError(`--levels of a residual quantizer is one number, not ${options.levels.join(",")}.`);
		return { quantizer: new ResidualQuantizer(gpu, { ...codebookOptions(options), levels }) };
	},
	fsq: (gpu, { levels }) => ({ quantizer: new FiniteScalarQuantizer(gpu, levels) }),
};

function codebookOptions({ codes, dim, beta, ...options }: QuantizerOptions): CodebookOptions {
	const { decay, deadBelow, similarity, gradient, seed } = options;
	const sizes = { embeddingDim: dim, numEmbeddings: codes, commitmentCost: beta };
	return { ...sizes, decay, deadBelow, similarity, gradient, seed };
}

/**
 * The options of `VQVAE` that give it the quantizer described.
 *
 * @throws ArgumentError if one is out of range
 */
export function quantizerForModel(gpu: Gpu, options: QuantizerOptions): VQVAEOptions<Quantizer> {
	const { quantizer, levels } = options;
	if (!quantizerKinds.includes(quantizer))
		throw new ArgumentError(`there is no quantizer ${JSON.stringify(quantizer)}, but ${quantizerKinds.join(", ")}.`);
	if (!Array.isArray(levels)) throw new ArgumentError(`levels must be a list, but are ${JSON.stringify(levels)}.`);
	return constructors[quantizer](gpu, options);
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
