import { isDeepStrictEqual } from "node:util";
import { formatValue } from "../../base/arguments.js";
import { ArgumentError } from "../../base/errors.js";
import { type CodebookOptions, CodebookQuantizer } from "../../quantizers/codebook_quantizer.js";
import { FiniteScalarQuantizer } from "../../quantizers/finite_scalar_quantizer.js";
import { type Initialisation, initialiseCodebook } from "../../quantizers/initialise.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import { ResidualQuantizer } from "../../quantizers/residual_quantizer.js";
import type { Gpu, Tensor } from "../../tensor/tensor.js";
import type { VQVAEOptions } from "../../vqvae/vqvae.js";

/** The quantizers of the command line; all but "fsq" have codebooks. */
export const quantizerKinds = ["ema", "loss", "residual", "fsq"] as const;
export const initialisations: readonly Initialisation[] = ["normal", "uniform", "data", "kmeans"];
export const similarities = ["euclidean", "cosine"] as const;
export const gradients = ["straight-through", "rotation"] as const;

/** The options that describe a quantizer, on the command line and in a checkpoint. */
export interface QuantizerOptions {
	readonly quantizer: (typeof quantizerKinds)[number];
	readonly codes: number;
	readonly dim: number;
	readonly beta: number;
	readonly decay: number;
	readonly deadBelow: number;
	readonly similarity: (typeof similarities)[number];
	readonly gradient: (typeof gradients)[number];
	/** For a residual quantizer one number, how many codebooks; for FSQ how many values each dimension has. */
	readonly levels: readonly number[];
	readonly init: Initialisation;
	readonly seed: number;
}

/** With these settings, a codebook that is trained by gradient is the paper's `VectorQuantizer`. */
const paper = { deadBelow: 0, similarity: "euclidean", gradient: "straight-through", init: "normal" } as const;

/** For each kind of quantizer the options of `VQVAE` that give it the quantizer. */
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
			throw new ArgumentError(
				`levels must be one number for a residual quantizer, but are ${options.levels.join(",")}.`,
			);
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
		throw new ArgumentError(
			`quantizer must be ${quantizerKinds.map((kind) => `"${kind}"`).join(" or ")}, but is ${formatValue(quantizer)}.`,
		);
	if (!Array.isArray(levels)) throw new ArgumentError(`levels must be an array, but is ${formatValue(levels)}.`);
	return constructors[quantizer](gpu, options);
}

/** Whether the codebook is initialised from latents. */
export function beginsWithLatents({ quantizer, init }: QuantizerOptions): boolean {
	return quantizer !== "fsq" && (init === "data" || init === "kmeans");
}

/** Initialises the codebook, if the quantizer has one. */
export function initialiseQuantizer(
	quantizer: Quantizer,
	method: Initialisation,
	latents: Tensor | undefined,
	seed: number,
): void {
	if (quantizer instanceof ResidualQuantizer) quantizer.initialise(method, latents, { seed });
	else if (quantizer instanceof CodebookQuantizer) initialiseCodebook(quantizer, method, latents, { seed });
}
