import { checkNumber } from "../base/arguments.js";
import type { Random } from "../base/random.js";
import { checkLayer, Embedding } from "../nn/layers.js";
import { nearestCode } from "../ops/nearest_code.js";
import { quantize } from "../ops/quantize.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Tensor } from "../tensor/tensor.js";
import { type Codes, checkCodes, checkLatents, type Quantized, Quantizer } from "./quantizer.js";

/**
 * Replaces each latent vector by the nearest of K codes (van den Oord et al., "Neural discrete representation learning",
 * 2017, section 3). The codebook is trained by the second term of the paper's equation 3.
 */
export class VectorQuantizer extends Quantizer {
	static override readonly name: string = "VectorQuantizer";

	readonly embeddings: Embedding;

	/** @param commitmentCost β, the weight of the loss that keeps the encoder near the codes */
	constructor(
		gpu: Gpu,
		random: Random,
		readonly embeddingDim: number,
		readonly numEmbeddings: number,
		readonly commitmentCost: number,
	) {
		super();
		const name = "VectorQuantizer";
		const others = "embeddingDim, numEmbeddings, commitmentCost";
		checkLayer(name, others, gpu, random, { embeddingDim, numEmbeddings });
		checkNumber(name, "commitmentCost", commitmentCost, { least: 0 });
		this.embeddings = new Embedding(gpu, random, numEmbeddings, embeddingDim);
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
