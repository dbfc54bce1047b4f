import { checkInstance, checkNumber, checkOptions, checkWord } from "../base/arguments.js";
import { ArgumentError } from "../base/errors.js";
import { Random } from "../base/random.js";
import { vectorsOf } from "../ops/codes/latents.js";
import { embedding } from "../ops/embedding.js";
import { permute } from "../ops/permute.js";
import { reshape } from "../ops/reshape.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Tensor } from "../tensor/tensor.js";
import { CodebookQuantizer } from "./codebook_quantizer.js";

/** How a codebook is initialised. */
export type Initialisation = "normal" | "uniform" | "data" | "kmeans";

export interface InitialiseOptions {
	/** Iterations of k-means (default 10). */
	readonly iterations?: number;
	/** Of the random numbers (default 0). */
	readonly seed?: number;
}

/**
 * Initialises a codebook. The methods:
 * - "normal" draws the codes from N(0, 1), as torch.nn.Embedding does;
 * - "uniform" draws them from U(±1/K);
 * - "data" takes K random latents;
 * - "kmeans" does the same, followed by Lloyd's algorithm (Lloyd, "Least squares quantization in PCM", 1982),
 *   in which a code without latents is re-initialised from a random one.
 *
 * @param latents the encoder's output for some images, float32 [B, D, h, w]; only "data" and "kmeans" need
 * them
 * @throws ArgumentError if the method is unknown or latents are missing, ShapeError if they do not fit the
 * codebook
 * @example
 * gpu.scope(() => initialiseCodebook(quantizer, "kmeans", model.encoder.forward(images)));
 */
export function initialiseCodebook(
	quantizer: CodebookQuantizer,
	method: Initialisation,
	latents?: Tensor | undefined,
	options: InitialiseOptions = {},
): void {
	const name = "initialiseCodebook";
	checkInstance(name, "quantizer", quantizer, CodebookQuantizer, "a CodebookQuantizer");
	checkWord(name, "method", method, ["normal", "uniform", "data", "kmeans"]);
	checkOptions(name, options, ["iterations", "seed"]);
	const { iterations = 10, seed = 0 } = options;
	checkNumber(name, "iterations", iterations, { least: 0, whole: true });
	checkNumber(name, "seed", seed, { whole: true });
	if (latents !== undefined) checkTensor(name, "latents", latents, "float32");
	const { gpu, numEmbeddings, embeddingDim } = quantizer;
	const random = new Random(seed);
	const drawn = (next: () => number) =>
		gpu.tensor(Float32Array.from({ length: numEmbeddings * embeddingDim }, next), [numEmbeddings, embeddingDim]);
	const first = {
		normal: () => drawn(() => random.normal()),
		uniform: () => drawn(() => random.uniform(-1 / numEmbeddings, 1 / numEmbeddings)),
		data: () => someOf(needed(latents, method), numEmbeddings, random),
		kmeans: () => someOf(needed(latents, method), numEmbeddings, random),
	}[method];
	gpu.scope(() => quantizer.setCodes(first()));
	if (method === "kmeans") for (let i = 0; i < iterations; i++) quantizer.moveToMeans(needed(latents, method));
}

function needed(latents: Tensor | undefined, method: Initialisation): Tensor {
	if (latents === undefined)
		throw new ArgumentError(`initialiseCodebook: latents must be given for method "${method}", but are undefined.`);
	return latents;
}

/** Random vectors of z, float32 [count, D]; none twice if z has enough of them. */
function someOf(z: Tensor, count: number, random: Random): Tensor {
	const { gpu } = z;
	vectorsOf("initialiseCodebook", "latents", z);
	const dimensions = z.shape[1];
	const rows = z.shape.length === 2 ? z : reshape(permute(z, [0, 2, 3, 1]), [-1, dimensions]);
	const order = random.permutation(rows.shape[0]);
	const chosen = Uint32Array.from({ length: count }, (_, k) => order[k % order.length]);
	return embedding(gpu.tensor(chosen, [count]), rows);
}
