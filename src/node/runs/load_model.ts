import { formatValue, isPlainObject } from "../../base/arguments.js";
import { FormatError, LimitError } from "../../base/errors.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import type { Gpu } from "../../tensor/tensor.js";
import { VQVAE, type VQVAEOptions } from "../../vqvae/vqvae.js";
import { checkFileIsFinite } from "./finite_weights.js";
import { type QuantizerOptions, quantizerForModel, quantizerKinds } from "./quantizer_options.js";
import { checkAgrees, countParts, inFile, readSafetensors, type SafetensorsFile, shapeOf } from "./safetensors_file.js";

/** The metadata of a checkpoint of `tessera train`. */
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
 * A VQ-VAE from a safetensors file of `tessera train` or of PyTorch. The sizes of the network follow from the weights. The
 * file's metadata describes the quantizer; without it, it is the paper's. Sizes in the metadata are compared with the weights
 * before the model is made.
 *
 * @throws DataError if the file cannot be read; FormatError if it is not a safetensors file, contains another model or weights
 * that are not finite, or has metadata that differ from the weights; LimitError if the model is too large for the device. Each
 * names the file
 */
export async function loadModel(gpu: Gpu, path: string): Promise<VQVAE<Quantizer>> {
	return modelFromFile(gpu, await readSafetensors(path));
}

/** The VQ-VAE in a file that has been read; errors as `loadModel`. */
export function modelFromFile(gpu: Gpu, file: SafetensorsFile): VQVAE<Quantizer> {
	const { path, tensors, metadata } = file;
	const sizes = networkSizes(file);
	checkFileIsFinite(path, tensors);
	return inFile(path, () => {
		const model = new VQVAE<Quantizer>(gpu, {
			...(describedQuantizer(gpu, file, sizes.latentDim) ?? paperQuantizer(file)),
			inChannels: sizes.inChannels,
			hiddenChannels: sizes.hiddenChannels,
			residualLayers: sizes.residualLayers,
			dataVariance: Number(metadata.dataVariance ?? 1),
		});
		model.loadStateDict(tensors);
		return model;
	});
}

interface NetworkSizes {
	readonly inChannels: number;
	readonly hiddenChannels: number;
	readonly residualLayers: readonly [encoder: number, decoder: number];
	readonly latentDim: number;
}

function networkSizes(file: SafetensorsFile): NetworkSizes {
	const [hiddenChannels, half] = shapeOf(file, "encoder.convs.2.weight", [undefined, undefined, 3, 3]);
	const [, inChannels] = shapeOf(file, "encoder.convs.0.weight", [half, undefined, 3, 3]);
	const blocks = (halfOfModel: string, before: number): number => {
		const nameOf = (block: number) => `${halfOfModel}.convs.${before + block}.convs.1.weight`;
		const count = countParts(file, nameOf);
		for (let block = 0; block < count; block++) shapeOf(file, nameOf(block), [half, hiddenChannels, 3, 3]);
		return count;
	};
	const residualLayers = [blocks("encoder", 3), blocks("decoder", 1)] as const;
	const [latentDim] = shapeOf(file, `encoder.convs.${4 + residualLayers[0]}.weight`, [undefined, hiddenChannels, 1, 1]);
	return { inChannels, hiddenChannels, residualLayers, latentDim };
}

function describedQuantizer(gpu: Gpu, file: SafetensorsFile, latentDim: number): VQVAEOptions<Quantizer> | undefined {
	const { quantizer } = file.metadata;
	if (quantizer === undefined) return undefined;
	try {
		const options: unknown = JSON.parse(quantizer);
		if (!isPlainObject(options)) throw new FormatError(`it must be an object, but is ${formatValue(options)}.`);
		checkQuantizer(file, options, latentDim);
		return quantizerForModel(gpu, options as unknown as QuantizerOptions);
	} catch (cause) {
		if (cause instanceof LimitError) throw cause;
		const reason = cause instanceof Error ? cause.message : String(cause);
		throw new FormatError(`its metadata does not describe a quantizer of these weights: ${reason}`, { cause });
	}
}

/** @throws FormatError if the sizes of a quantizer differ from those of its weights */
function checkQuantizer(file: SafetensorsFile, options: Record<string, unknown>, latentDim: number): void {
	const { quantizer, codes, dim, levels } = options;
	// Anything else is refused by quantizerForModel.
	if (!quantizerKinds.some((kind) => kind === quantizer) || !Array.isArray(levels)) return;
	if (quantizer === "fsq") {
		checkAgrees("how many dimensions have levels:", levels.length, latentDim);
		return;
	}
	const nameOf = (level: number) => `vq_layer.codebooks.${level}.embeddings.weight`;
	if (quantizer === "residual") checkAgrees("levels", levels[0] ?? 2, countParts(file, nameOf));
	const count = quantizer === "residual" ? countParts(file, nameOf) : 1;
	for (let level = 0; level < count; level++) {
		const name = quantizer === "residual" ? nameOf(level) : codebookName;
		const [found, length] = shapeOf(file, name, [undefined, latentDim]);
		checkAgrees("codes", codes, found);
		checkAgrees("dim", dim, length);
	}
}

const codebookName = "vq_layer.embeddings.weight";

function paperQuantizer(file: SafetensorsFile): VQVAEOptions {
	const [numEmbeddings, embeddingDim] = shapeOf(file, codebookName, [undefined, undefined]);
	return { numEmbeddings, embeddingDim, commitmentCost: Number(file.metadata.commitmentCost ?? 0.25) };
}
