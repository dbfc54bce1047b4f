import protobuf from "protobufjs/light.js";
import { ArgumentError, type Gpu, noGrad, Random, Sigmoid, type Tensor } from "tessera-gpu";
import {
	CodebookQuantizer,
	FiniteScalarQuantizer,
	initialiseCodebook,
	ResidualQuantizer,
	VectorQuantizer,
} from "tessera-gpu/quantizers";
import { VQVAE } from "tessera-gpu/vqvae";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { HostTensor } from "../../../src/io/safetensors.js";
import { OnnxGraph } from "../../../src/node/export/onnx_graph.js";
import { addStack } from "../../../src/node/export/onnx_layers.js";
import { onnxFiles } from "../../../src/node/export/onnx_model.js";
import { type ModelProto, onnxDescriptor } from "../../../src/node/export/onnx_schema.js";
import { Quantizer } from "../../../src/quantizers/quantizer.js";
import { Stack } from "../../../src/vqvae/stack.js";
import { assertThrows, device } from "../../support.js";
import { compareWithOnnx } from "./compare.js";
import { isTie } from "./ties.js";

const test = suite("ONNX models");

const options = { version: "1.2.3", modelHash: "abc", codebook: "def" };
const sizes = { embeddingDim: 4, numEmbeddings: 24 };

async function weightsOf(model: VQVAE<Quantizer>): Promise<Record<string, HostTensor>> {
	const entries = Object.entries(model.stateDict()).map(async ([name, tensor]) => {
		const { shape, dtype } = tensor;
		return [name, { shape, dtype, data: await tensor.data() } as HostTensor] as const;
	});
	return Object.fromEntries(await Promise.all(entries));
}

function noise(gpu: Gpu, random: Random, shape: readonly number[]): Tensor {
	const length = shape.reduce((product, size) => product * size, 1);
	return gpu.tensor(
		Float32Array.from({ length }, () => random.uniform(-0.5, 0.5)),
		shape,
	);
}

/** A model whose codes are latents of random images, so that many of them occur. */
function makeModel(gpu: Gpu, quantizer: Quantizer, random: Random): VQVAE<Quantizer> {
	const network = { inChannels: 3, hiddenChannels: 8, residualLayers: [1, 2], seed: 4 } as const;
	const model = new VQVAE<Quantizer>(gpu, { ...network, quantizer, dataVariance: 0.25 });
	gpu.scope(() =>
		noGrad(() => {
			const z = model.encoder.forward(noise(gpu, random, [2, 3, 28, 28]));
			if (quantizer instanceof ResidualQuantizer) quantizer.initialise("data", z);
			else if (quantizer instanceof CodebookQuantizer) initialiseCodebook(quantizer, "data", z);
			else if (quantizer instanceof VectorQuantizer) {
				const like = new CodebookQuantizer(gpu, sizes);
				initialiseCodebook(like, "data", z);
				gpu.copy(like.embeddings.weight, quantizer.embeddings.weight);
				like.dispose();
			}
		}),
	);
	return model;
}

/** Multiplies the rows of a tensor of the state dict. */
async function scale(model: VQVAE<Quantizer>, name: string, factorOf: (row: number) => number): Promise<void> {
	const tensor = model.stateDict()[name] as Tensor;
	const { gpu } = model.vqLayer;
	const length = tensor.size / tensor.shape[0];
	gpu.upload(
		tensor,
		(await tensor.data()).map((value, i) => factorOf(Math.floor(i / length)) * value),
	);
}

const quantizers: Readonly<Record<string, (gpu: Gpu) => Quantizer>> = {
	"by gradient": (gpu) => new VectorQuantizer(gpu, sizes),
	averaged: (gpu) => new CodebookQuantizer(gpu, sizes),
	"by gradient, cosine": (gpu) => new CodebookQuantizer(gpu, { ...sizes, learning: "loss", similarity: "cosine" }),
	residual: (gpu) => new ResidualQuantizer(gpu, { ...sizes, levels: 3 }),
	"residual, one level": (gpu) => new ResidualQuantizer(gpu, { ...sizes, levels: 1 }),
	"residual, cosine": (gpu) => new ResidualQuantizer(gpu, { ...sizes, levels: 2, similarity: "cosine" }),
	"finite scalar": (gpu) => new FiniteScalarQuantizer(gpu, [5, 4, 3, 2]),
};

for (const [name, make] of Object.entries(quantizers))
	test(`${name}: ONNX Runtime gives the same codes and images for any batch, height and width`, async () => {
		const gpu = await device();
		const random = new Random(1);
		const model = makeModel(gpu, make(gpu), random);
		const { vqLayer } = model;
		if (vqLayer instanceof FiniteScalarQuantizer) await scale(model, "encoder.convs.5.weight", () => 25);
		// By their angles, codes of different lengths are compared as others are.
		if (vqLayer instanceof CodebookQuantizer && vqLayer.cosine)
			await scale(model, "vq_layer.embeddings.weight", (row) => 1 + (row % 5));
		const files = onnxFiles(model, await weightsOf(model), options);
		const batches = [
			[3, 3, 28, 44],
			[5, 3, 4, 4],
		].map((shape) => noise(gpu, random, shape));
		const { inUse, different } = await compareWithOnnx(model, files, batches);
		assert.ok(inUse >= 5, `${inUse} codes in use`);
		assert.ok(different <= 2, `${different} codes differ`);
		model.dispose();
	});

test("latents far from the origin have the same codes but for ties", async () => {
	const gpu = await device();
	const random = new Random(2);
	const model = makeModel(gpu, new CodebookQuantizer(gpu, sizes), random);
	await scale(model, "encoder.convs.5.weight", () => 0.05);
	const bias = model.stateDict()["encoder.convs.5.bias"] as Tensor;
	gpu.upload(bias, new Float32Array(bias.size).fill(10));
	const { vqLayer } = model;
	gpu.scope(() =>
		noGrad(() => {
			const z = model.encoder.forward(noise(gpu, random, [2, 3, 28, 28]));
			initialiseCodebook(vqLayer as CodebookQuantizer, "data", z);
		}),
	);
	const files = onnxFiles(model, await weightsOf(model), options);
	const { inUse, different } = await compareWithOnnx(model, files, [noise(gpu, random, [4, 3, 28, 28])]);
	assert.ok(inUse >= 10, `${inUse} codes in use`);
	assert.ok(different <= 5, `${different} codes differ`);
});

test("what the tests take for a tie: float32's rounding and no more", () => {
	const codebooks = [
		[
			[0, 0],
			[1, 0],
			[9, 9],
		],
	];
	const tie = (z: number[], cosine = false) => isTie(z, { codebooks, cosine }, [0], [1]);
	assert.ok(tie([0.5 + 1e-8, 3]));
	assert.not.ok(tie([0.5 + 1e-4, 3]));
	assert.not.ok(isTie([0.1, 0.1], { codebooks, cosine: true }, [1], [2]));
	assert.ok(isTie([0.2, 0.1], { levels: [3, 5] }, [4], [4]));
	assert.not.ok(isTie([0.2, 0.1], { levels: [3, 5] }, [4], [5]));
});

/** An ONNX file as protobufjs reads it; a field that the file does not have is no own property. */
function decode(file: Uint8Array): ModelProto {
	const type = protobuf.Root.fromJSON(onnxDescriptor).lookupType("ModelProto");
	return type.decode(file) as unknown as ModelProto;
}

test("initializers have the names and bytes of the state dict, and nodes all of their attributes", async () => {
	const gpu = await device();
	const model = makeModel(gpu, new CodebookQuantizer(gpu, sizes), new Random(3));
	const weights = await weightsOf(model);
	const { encoder, decoder } = onnxFiles(model, weights, options);
	const used = new Set<string>();
	for (const [file, part] of [
		[encoder, "encoder"],
		[decoder, "decoder"],
	] as const) {
		const { graph, ...proto } = decode(file);
		assert.is(Number(proto.irVersion), 7);
		assert.equal([proto.producerName, proto.producerVersion], ["tessera-gpu", "1.2.3"]);
		assert.equal(
			proto.opsetImport.map(({ version }) => Number(version)),
			[13],
		);
		const metadata = Object.fromEntries(proto.metadataProps.map(({ key, value }) => [key, value]));
		assert.equal(metadata, {
			value_range: "-0.5 to 0.5",
			channels: "3",
			downsampling: "4",
			quantizer: "CodebookQuantizer",
			num_embeddings: "24",
			embedding_dim: "4",
			levels: "1",
			data_variance: "0.25",
			model_sha256: "abc",
			codebook_sha256: "def",
		});
		for (const { name, dims, rawData } of graph.initializer) {
			const weight = weights[name];
			if (weight === undefined) continue;
			used.add(name);
			assert.ok(name.startsWith(part) || name.startsWith("vq_layer"), name);
			assert.equal(dims.map(Number), [...weight.shape]);
			const { buffer, byteOffset, byteLength } = weight.data;
			assert.equal(Buffer.from(rawData), Buffer.from(buffer, byteOffset, byteLength), name);
		}
		for (const { opType, attribute } of graph.node)
			for (const field of attribute)
				assert.ok(Object.hasOwn(field, "i") || ("ints" in field && field.ints.length > 0), `${opType}: ${field.name}`);
		const shapes = [...graph.input, ...graph.output].map(({ name, type }) => [
			name,
			type.tensorType.shape.dim.map((size) =>
				Object.values({ ...size }).map((value) => (typeof value === "string" ? value : Number(value))),
			),
		]);
		assert.equal(Object.fromEntries(shapes), {
			images: [["batch"], [3], ["height"], ["width"]],
			codes: [["batch"], ["rows"], ["columns"]],
		});
	}
	const parameters = model.namedParameters().map(([name]) => name);
	assert.equal([...used].sort(), parameters.sort());
});

/** A quantizer of a user. */
class OwnQuantizer extends Quantizer {
	static override readonly name: string = "OwnQuantizer";
	override readonly embeddingDim = 2;
	override readonly numEmbeddings = 4;

	constructor(override readonly gpu: Gpu) {
		super();
	}

	override quantize = unused;
	override encode = unused;
	override lookup = unused;
}

function unused(): never {
	throw new Error("the export computes nothing");
}

test("a quantizer or a layer that is not known is refused", async () => {
	const gpu = await device();
	const model = new VQVAE<Quantizer>(gpu, { hiddenChannels: 2, quantizer: new OwnQuantizer(gpu) });
	const weights = await weightsOf(model);
	assertThrows(() => onnxFiles(model, weights, options), ArgumentError, ["OwnQuantizer"]);
	model.dispose();
	const stack = new (class extends Stack {})([new Sigmoid()]);
	assertThrows(() => addStack(new OnnxGraph({}), stack, "encoder", "x"), ArgumentError, [
		"encoder.convs.0 is a Sigmoid",
	]);
});

test.run();
