import { readFile } from "node:fs/promises";
import { FormatError } from "../gpu/errors.js";
import { type HostTensor, loadSafetensors, loadSafetensorsMetadata } from "../io/safetensors.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Quantizer } from "../vqvae/quantizer.js";
import { VQVAE, type VQVAEOptions } from "../vqvae/vqvae.js";
import { type QuantizerOptions, quantizerForModel } from "./quantizer_options.js";

/** What `tessera train` writes into the metadata of a checkpoint. */
export function checkpointMetadata(model: VQVAE<Quantizer>, options: QuantizerOptions): Record<string, string> {
	const { quantizer, codes, dim, beta, decay, deadBelow, similarity, gradient, levels, init, seed } = options;
	const description = { quantizer, codes, dim, beta, decay, deadBelow, similarity, gradient, levels, init, seed };
	return {
		format: "pt",
		dataVariance: String(model.dataVariance),
		commitmentCost: String(beta),
		quantizer: JSON.stringify(description),
	};
}

/**
 * A VQ-VAE from a safetensors file, written by `tessera train` or by PyTorch. The sizes of the network follow
 * from the weights. The quantizer is what the file's metadata says; without any it is the paper's, and its sizes, too, follow
 * from the weights.
 *
 * @throws FormatError where the file is no safetensors or holds another model, StateDictError where names or shapes
 * do not fit together.
 */
export async function loadModel(gpu: Gpu, path: string): Promise<VQVAE<Quantizer>> {
	const bytes = await readFile(path);
	const dict = loadSafetensors(bytes);
	const metadata = loadSafetensorsMetadata(bytes);
	const inChannels = dict["encoder.convs.0.weight"]?.shape[1];
	const hiddenChannels = dict["encoder.convs.2.weight"]?.shape[0];
	const quantizer = describedQuantizer(gpu, path, metadata) ?? paperQuantizer(dict, metadata);
	if (quantizer === undefined || inChannels === undefined || hiddenChannels === undefined)
		throw new FormatError(
			`${path} is not a VQ-VAE: it has no encoder.convs.0.weight, encoder.convs.2.weight or vq_layer.embeddings.weight of the right form. It has ${Object.keys(dict).slice(0, 12).join(", ")}.`,
		);
	const model = new VQVAE<Quantizer>(gpu, {
		...quantizer,
		inChannels,
		hiddenChannels,
		residualLayers: [residualLayers(dict, "encoder"), residualLayers(dict, "decoder")],
		dataVariance: Number(metadata.dataVariance ?? 1),
	});
	model.loadStateDict(dict);
	return model;
}

/** How many residual blocks a half of the model has. */
function residualLayers(dict: Readonly<Record<string, HostTensor>>, half: "encoder" | "decoder"): number {
	const first = new RegExp(`^${half}\\.convs\\.\\d+\\.convs\\.1\\.weight$`);
	return Object.keys(dict).filter((name) => first.test(name)).length;
}

function describedQuantizer(
	gpu: Gpu,
	path: string,
	{ quantizer }: Readonly<Record<string, string>>,
): VQVAEOptions<Quantizer> | undefined {
	if (quantizer === undefined) return undefined;
	try {
		const options = JSON.parse(quantizer) as QuantizerOptions | null;
		if (options === null) throw new FormatError("it is null.");
		return quantizerForModel(gpu, options);
	} catch (cause) {
		throw new FormatError(`${path}: its metadata describes no quantizer: ${(cause as Error).message}`, { cause });
	}
}

function paperQuantizer(
	dict: Readonly<Record<string, HostTensor>>,
	{ commitmentCost }: Readonly<Record<string, string>>,
): VQVAEOptions | undefined {
	const codebook = dict["vq_layer.embeddings.weight"]?.shape;
	if (codebook?.length !== 2) return undefined;
	return { numEmbeddings: codebook[0], embeddingDim: codebook[1], commitmentCost: Number(commitmentCost ?? 0.25) };
}
