import { ShapeError } from "../gpu/errors.js";
import { Embedding } from "../nn/layers.js";
import { type LayerCost, Module } from "../nn/module.js";
import type { Random } from "../nn/random.js";
import { nearestCode } from "../ops/nearest_code.js";
import { type QuantizedLatents, quantize } from "../ops/quantize.js";
import type { Gpu } from "../tensor/gpu.js";
import { formatShape, type Shape, sizeOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";

/** What the quantizer makes of latents [B, D, h, w]. */
export interface Quantized extends QuantizedLatents {
	/** Which codes they are, uint32 [B, h, w]. */
	readonly indices: Tensor<"uint32">;
}

/**
 * Replaces each latent vector by the nearest of K codes (van den Oord et al., "Neural discrete representation learning",
 * 2017, section 3). The codebook is trained by the second term of the paper's equation 3.
 */
export class VectorQuantizer extends Module {
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
		this.embeddings = new Embedding(gpu, random, numEmbeddings, embeddingDim);
	}

	/** @param z float32 [B, D, h, w] */
	forward(z: Tensor): Quantized {
		const indices = this.encode(z);
		return { indices, ...quantize(z, this.embeddings.weight, indices, { commitmentCost: this.commitmentCost }) };
	}

	/** The indices of the nearest codes, uint32 [B, h, w]. */
	encode(z: Tensor): Tensor<"uint32"> {
		return nearestCode(z, this.embeddings.weight);
	}

	/** The codes with these indices: [B, h, w] → [B, D, h, w]. */
	lookup(indices: Tensor<"uint32"> | Tensor<"int32">): Tensor {
		return this.embeddings.forward(indices, { layout: "NCHW" });
	}

	/** The distances of all positions to all codes, which the nearest-code kernel computes. */
	override cost(input: Shape): LayerCost {
		if (input[1] !== this.embeddingDim)
			throw new ShapeError(`The quantizer takes [B, ${this.embeddingDim}, h, w], not ${formatShape(input)}.`);
		return { output: input, multiplyAdds: sizeOf(input) * this.numEmbeddings };
	}
}
