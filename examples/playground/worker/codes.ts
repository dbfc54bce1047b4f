import type { Tensor } from "tessera-gpu";
import { type Quantizer, ResidualQuantizer } from "tessera-gpu/quantizers";

/** What looks up the codes of the first level. */
export function firstQuantizer(quantizer: Quantizer): Quantizer {
	return quantizer instanceof ResidualQuantizer ? quantizer.codebooks[0] : quantizer;
}

/** The codes of the first level as latents are compared with them, float32 [K, D]. */
export function codeVectors(quantizer: Quantizer): Tensor {
	const { gpu, numEmbeddings, embeddingDim } = quantizer;
	const all = Uint32Array.from({ length: numEmbeddings }, (_, code) => code);
	const looked = firstQuantizer(quantizer).lookup(gpu.tensor(all, [numEmbeddings, 1, 1]));
	return looked.share([numEmbeddings, embeddingDim]);
}

/** The first level's code of each position. */
export function firstLevel(indices: Uint32Array, levels: number): Uint32Array {
	return levels === 1 ? indices : indices.filter((_, i) => i % levels === 0);
}
