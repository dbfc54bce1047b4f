import type { HostTensor } from "../../io/safetensors.js";
import { FiniteScalarQuantizer } from "../../quantizers/finite_scalar_quantizer.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import { ResidualQuantizer } from "../../quantizers/residual_quantizer.js";
import type { VQVAE } from "../../vqvae/vqvae.js";
import { OnnxGraph, type Port } from "./onnx_graph.js";
import { addStack } from "./onnx_layers.js";
import { addEncode, addLookup } from "./onnx_quantizers.js";
import { encodeOnnx, type GraphProto, type ModelProto } from "./onnx_schema.js";

/**
 * The lowest version of the operators that has all of them with the inputs they have today (the axes of ReduceSum and
 * Unsqueeze as tensors). Runtimes read the versions before their own, so the lowest one is read by most.
 */
const opset = 13;
/** The version of the file format that belongs to it: ONNX 1.8, of 2020. */
const irVersion = 7;

/** What is written into the files besides the graphs. */
export interface OnnxOptions {
	/** The version of this package. */
	readonly version: string;
	/** The SHA-256 of the model's file, which identifies what the codes stand for. */
	readonly modelHash: string;
	/** Identifies the codebook in files of codes. */
	readonly codebook: string;
}

/**
 * A VQ-VAE as two ONNX files, without control flow: for any batch, and any height and width divisible by 4.
 *
 * - encoder: images, float32 [batch, channels, height, width], in −0.5 … 0.5 → codes, int64 [batch, rows, columns], of
 *   a residual quantizer [batch, rows, columns, levels]
 * - decoder: codes → images
 *
 * @param weights the model's state dict, in host memory
 * @throws ArgumentError if the quantizer is none of the command line's
 */
export function onnxFiles(
	model: VQVAE<Quantizer>,
	weights: Readonly<Record<string, HostTensor>>,
	options: OnnxOptions,
): { readonly encoder: Uint8Array; readonly decoder: Uint8Array } {
	const file = (graph: GraphProto) => encodeOnnx(modelProto(graph, model, options));
	return { encoder: file(encoderGraph(model, weights)), decoder: file(decoderGraph(model, weights)) };
}

function encoderGraph(model: VQVAE<Quantizer>, weights: Readonly<Record<string, HostTensor>>): GraphProto {
	const graph = new OnnxGraph(weights);
	const images = imagesOf(model);
	const latents = addStack(graph, model.encoder, "encoder", images.name);
	const positions = graph.add("Transpose", "vq_layer", [latents], { perm: [0, 2, 3, 1] });
	const codes = addEncode(graph, model.vqLayer, "vq_layer", positions);
	return graph.finish("tessera_encoder", "VQ-VAE encoder: images to codes", images, codesOf(model), codes);
}

function decoderGraph(model: VQVAE<Quantizer>, weights: Readonly<Record<string, HostTensor>>): GraphProto {
	const graph = new OnnxGraph(weights);
	const codes = codesOf(model);
	const vectors = addLookup(graph, model.vqLayer, "vq_layer", codes.name);
	const latents = graph.add("Transpose", "vq_layer", [vectors], { perm: [0, 3, 1, 2] });
	const images = addStack(graph, model.decoder, "decoder", latents);
	return graph.finish("tessera_decoder", "VQ-VAE decoder: codes to images", codes, imagesOf(model), images);
}

function imagesOf({ inChannels }: VQVAE<Quantizer>): Port {
	return {
		name: "images",
		type: "float32",
		shape: ["batch", inChannels, "height", "width"],
		description: "[batch, channels, height, width], height and width divisible by 4; a byte b is b / 255 - 0.5",
	};
}

function codesOf({ vqLayer }: VQVAE<Quantizer>): Port {
	const { numEmbeddings, levels } = vqLayer;
	const severalLevels = vqLayer instanceof ResidualQuantizer;
	return {
		name: "codes",
		type: "int64",
		shape: ["batch", "rows", "columns", ...(severalLevels ? [levels] : [])],
		description: `indices of codes, 0 to ${numEmbeddings - 1}, [batch, height / 4, width / 4${severalLevels ? ", levels" : ""}]`,
	};
}

function modelProto(
	graph: GraphProto,
	model: VQVAE<Quantizer>,
	{ version, modelHash, codebook }: OnnxOptions,
): ModelProto {
	const { inChannels, vqLayer } = model;
	const described = {
		value_range: "-0.5 to 0.5",
		channels: inChannels,
		downsampling: 4,
		quantizer: vqLayer.constructor.name,
		num_embeddings: vqLayer.numEmbeddings,
		embedding_dim: vqLayer.embeddingDim,
		levels: vqLayer.levels,
		...(vqLayer instanceof FiniteScalarQuantizer ? { levels_per_dimension: vqLayer.levelsPerDimension } : {}),
		data_variance: model.dataVariance,
		model_sha256: modelHash,
		codebook_sha256: codebook,
	};
	return {
		irVersion,
		producerName: "tessera-gpu",
		producerVersion: version,
		docString: graph.docString,
		graph,
		opsetImport: [{ domain: "", version: opset }],
		metadataProps: Object.entries(described).map(([key, value]) => ({ key, value: String(value) })),
	};
}
