import { readFile } from "node:fs/promises";
import { FormatError } from "../gpu/errors.js";
import { loadSafetensors, loadSafetensorsMetadata } from "../io/safetensors.js";
import type { Gpu } from "../tensor/gpu.js";
import { VQVAE } from "../vqvae/vqvae.js";

/**
 * A VQ-VAE from a safetensors file, written by `tessera train` or by PyTorch; its sizes follow from the weights.
 *
 * @throws FormatError where the file is no safetensors or holds another model, StateDictError where names or shapes
 * do not fit together.
 */
export async function loadModel(gpu: Gpu, path: string): Promise<VQVAE> {
	const bytes = await readFile(path);
	const dict = loadSafetensors(bytes);
	const codebook = dict["vq_layer.embeddings.weight"]?.shape;
	const inChannels = dict["encoder.convs.0.weight"]?.shape[1];
	if (codebook?.length !== 2 || inChannels === undefined)
		throw new FormatError(
			`${path} is not a VQ-VAE: it has no encoder.convs.0.weight or vq_layer.embeddings.weight of the right form. It has ${Object.keys(dict).slice(0, 12).join(", ")}.`,
		);
	const metadata = loadSafetensorsMetadata(bytes);
	const model = new VQVAE(gpu, {
		inChannels,
		numEmbeddings: codebook[0],
		embeddingDim: codebook[1],
		commitmentCost: Number(metadata.commitmentCost ?? 0.25),
		dataVariance: Number(metadata.dataVariance ?? 1),
	});
	model.loadStateDict(dict);
	return model;
}
