import { checkInstance, checkNumber, checkOptions } from "../base/arguments.js";
import { Random } from "../base/random.js";
import { Embedding } from "../nn/layers.js";
import { checkBindable, checkGpu } from "../ops/check.js";
import { nearestCode } from "../ops/codes/nearest_code.js";
import { quantize } from "../ops/codes/quantize.js";
import type { Gpu, Tensor } from "../tensor/tensor.js";
import { type Codes, checkCodes, checkLatents, type Quantized, Quantizer } from "./quantizer.js";

/** What every quantizer with a codebook has. */
export interface VectorQuantizerOptions {
	/** D, the length of a code (default 16). */
	readonly embeddingDim?: number;
	/** K, the number of codes (default 128). */
	readonly numEmbeddings?: number;
	/** β, the weight of the commitment loss, which keeps the encoder near the codes (default 0.25). */
	readonly commitmentCost?: number;
}

/** The names of the options. */
export const vectorQuantizerOptions = [
	"embeddingDim",
	"numEmbeddings",
	"commitmentCost",
] as const satisfies readonly (keyof VectorQuantizerOptions)[];

/**
 * The options with their defaults.
 *
 * @throws ArgumentError if one is out of range, LimitError if the device cannot bind such a codebook
 */
export function checkVectorQuantizerOptions(
	caller: string,
	gpu: Gpu,
	options: VectorQuantizerOptions,
): Required<VectorQuantizerOptions> {
	const { embeddingDim = 16, numEmbeddings = 128, commitmentCost = 0.25 } = options;
	for (const [name, size] of Object.entries({ embeddingDim, numEmbeddings }))
		checkNumber(caller, name, size, { least: 1, whole: true });
	checkNumber(caller, "commitmentCost", commitmentCost, { least: 0 });
	checkBindable(caller, "numEmbeddings and embeddingDim", gpu, [numEmbeddings, embeddingDim]);
	return { embeddingDim, numEmbeddings, commitmentCost };
}

/**
 * The paper's quantizer: replaces each latent vector by the nearest of K codes (van den Oord et al., "Neural
 * discrete representation learning", 2017, section 3). The codebook is learnt by gradient from the second
 * term of the paper's equation 3. It is what `VQVAE` has by default.
 */
export class VectorQuantizer extends Quantizer {
	static override readonly name: string = "VectorQuantizer";

	readonly embeddings: Embedding;
	override readonly embeddingDim: number;
	override readonly numEmbeddings: number;
	/** β */
	readonly commitmentCost: number;

	/**
	 * @param random what the first codes are drawn from, N(0, 1); default `new Random(0)`
	 * @throws ArgumentError if an option is out of range, LimitError if the device cannot bind such a
	 * codebook
	 */
	constructor(gpu: Gpu, options: VectorQuantizerOptions = {}, random: Random = new Random(0)) {
		super();
		const name = "VectorQuantizer";
		checkGpu(name, gpu, `write new ${name}(gpu, options)`);
		checkOptions(name, options, vectorQuantizerOptions);
		checkInstance(name, "random", random, Random, "a Random");
		const { embeddingDim, numEmbeddings, commitmentCost } = checkVectorQuantizerOptions(name, gpu, options);
		this.embeddingDim = embeddingDim;
		this.numEmbeddings = numEmbeddings;
		this.commitmentCost = commitmentCost;
		this.embeddings = new Embedding(gpu, numEmbeddings, embeddingDim, { random });
	}

	override get gpu(): Gpu {
		return this.embeddings.weight.gpu;
	}

	override quantize(z: Tensor): Quantized {
		checkLatents(this, "quantize", z);
		const indices = this.encode(z);
		return this.result(quantize(z, this.embeddings.weight, indices, { commitmentCost: this.commitmentCost }), indices);
	}

	override encode(z: Tensor): Tensor<"uint32"> {
		checkLatents(this, "encode", z);
		return nearestCode(z, this.embeddings.weight);
	}

	override lookup(indices: Codes): Tensor {
		checkCodes(this, "lookup", indices);
		return this.embeddings.forward(indices, { layout: "NCHW" });
	}
}
