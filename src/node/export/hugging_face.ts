import { basename } from "node:path";
import { isPlainObject } from "../../base/arguments.js";
import { FiniteScalarQuantizer } from "../../quantizers/finite_scalar_quantizer.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import { ResidualBlock } from "../../vqvae/residual_block.js";
import type { VQVAE } from "../../vqvae/vqvae.js";
import type { SafetensorsFile } from "../runs/safetensors_file.js";
import type { RunFacts } from "./run_facts.js";

/** The entries of a run's config.json that say how the model was trained. */
const trainingEntries = [
	"trainImages",
	"heldOutImages",
	"size",
	"crop",
	"flip",
	"background",
	"epochs",
	"batch",
	"lr",
	"schedule",
	"init",
	"seed",
	"date",
	"version",
] as const;

/** What a folder for Hugging Face's hub says of a model in config.json, by the names that are usual there. */
export function huggingFaceConfig(
	model: VQVAE<Quantizer>,
	{ metadata }: SafetensorsFile,
	{ config }: RunFacts,
): Readonly<Record<string, unknown>> {
	const { inChannels, encoder, decoder, vqLayer, dataVariance } = model;
	const { height, width, classes } = config;
	const blocks = ({ convs }: typeof encoder | typeof decoder) =>
		convs.layers.filter((layer) => layer instanceof ResidualBlock).length;
	const { quantizer: kind = "loss", similarity = "euclidean", beta, decay, gradient } = quantizerOf(metadata);
	const training = trainingEntries.filter((name) => config[name] !== undefined).map((name) => [name, config[name]]);
	return {
		model_type: "vq-vae",
		architectures: ["VQVAE"],
		library_name: "tessera-gpu",
		library_version: TESSERA_VERSION,
		torch_dtype: "float32",
		in_channels: inChannels,
		hidden_channels: hiddenChannels(model),
		residual_layers: [blocks(encoder), blocks(decoder)],
		downsampling: 4,
		quantizer: kind,
		embedding_dim: vqLayer.embeddingDim,
		num_embeddings: vqLayer.numEmbeddings,
		...(vqLayer instanceof FiniteScalarQuantizer
			? { levels_per_dimension: vqLayer.levelsPerDimension }
			: {
					num_quantizers: vqLayer.levels,
					similarity,
					gradient,
					commitment_cost: beta,
					decay: kind === "loss" ? undefined : decay,
				}),
		image_size: height === undefined || width === undefined ? undefined : [height, width],
		rescale_factor: 1 / 255,
		image_mean: Array.from({ length: inChannels }, () => 0.5),
		image_std: Array.from({ length: inChannels }, () => 1),
		data_variance: dataVariance,
		id2label: classes && Object.fromEntries(classes.map((name, label) => [label, name])),
		training: { data: basename(config.data), ...Object.fromEntries(training) },
	};
}

/** The channels of the network's inner layers. */
function hiddenChannels({ encoder }: VQVAE<Quantizer>): number {
	return encoder.convs.stateDict()["2.weight"].shape[0];
}

/** The options of the quantizer in the metadata of a file of weights; nothing in a file of PyTorch. */
function quantizerOf({ quantizer }: SafetensorsFile["metadata"]): Readonly<Record<string, unknown>> {
	const options: unknown = quantizer === undefined ? {} : JSON.parse(quantizer);
	return isPlainObject(options) ? options : {};
}
