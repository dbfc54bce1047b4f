import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	DataError,
	FormatError,
	type Gpu,
	LimitError,
	loadSafetensors,
	loadSafetensorsMetadata,
	Random,
	saveSafetensors,
	type TesseraError,
} from "tessera-gpu";
import { GatedPixelCNN } from "tessera-gpu/prior";
import { CodebookQuantizer, FiniteScalarQuantizer, ResidualQuantizer } from "tessera-gpu/quantizers";
import { VQVAE } from "tessera-gpu/vqvae";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { encodeSafetensors, type HostTensor } from "../../../src/io/safetensors.js";
import { checkpointMetadata, loadModel } from "../../../src/node/runs/load_model.js";
import { loadPrior, modelHash, priorMetadata } from "../../../src/node/runs/load_prior.js";
import type { QuantizerOptions } from "../../../src/node/runs/quantizer_options.js";
import type { Quantizer } from "../../../src/quantizers/quantizer.js";
import { assertThrows, device } from "../../support.js";

const test = suite<{ folder: string; path: string }>("loading models");

const plain: QuantizerOptions = {
	quantizer: "ema",
	codes: 12,
	dim: 4,
	beta: 0.5,
	decay: 0.25,
	deadBelow: 0.1,
	similarity: "euclidean",
	gradient: "straight-through",
	levels: [],
	init: "normal",
	seed: 3,
};

test.before.each(async (context) => {
	context.folder = await mkdtemp(join(tmpdir(), "tessera-models-"));
	context.path = join(context.folder, "model.safetensors");
});

test.after.each(async ({ folder }) => {
	await rm(folder, { recursive: true });
});

function makeModel(gpu: Gpu, options: QuantizerOptions): VQVAE<Quantizer> {
	const { quantizer, codes, dim, beta, levels, init: _, seed, ...rest } = options;
	const codebook = { ...rest, embeddingDim: dim, numEmbeddings: codes, commitmentCost: beta, seed };
	// Not by the function under test.
	const make = {
		ema: () => new CodebookQuantizer(gpu, codebook),
		loss: () => new CodebookQuantizer(gpu, { ...codebook, learning: "loss" }),
		residual: () => new ResidualQuantizer(gpu, { ...codebook, levels: levels[0] }),
		fsq: () => new FiniteScalarQuantizer(gpu, levels),
	}[quantizer];
	return new VQVAE<Quantizer>(gpu, {
		quantizer: make(),
		inChannels: 1,
		hiddenChannels: 6,
		residualLayers: [1, 2],
		dataVariance: 0.123,
		seed: 5,
	});
}

async function savedModel(gpu: Gpu, options: QuantizerOptions): Promise<Uint8Array> {
	const model = makeModel(gpu, options);
	return saveSafetensors(model.stateDict(), checkpointMetadata(model, options));
}

interface Content {
	tensors: Record<string, HostTensor>;
	metadata: Record<string, string>;
}

/** The file with something else in it. */
function changed(bytes: Uint8Array, change: (content: Content) => void): Uint8Array {
	const content = { tensors: loadSafetensors(bytes), metadata: { ...loadSafetensorsMetadata(bytes) } };
	change(content);
	return encodeSafetensors(content.tensors, content.metadata);
}

async function refused(load: Promise<unknown>, type: typeof TesseraError, ...patterns: (RegExp | string)[]) {
	const start = performance.now();
	const error = await load.then(
		() => undefined,
		(reason: unknown) => reason,
	);
	assert.instance(error, type);
	for (const pattern of patterns) assert.match(String(error), pattern);
	assert.ok(performance.now() - start < 2000, "refusing takes long");
}

const descriptions: readonly QuantizerOptions[] = [
	{ ...plain, quantizer: "loss", deadBelow: 0 },
	{ ...plain, quantizer: "loss", deadBelow: 0, similarity: "cosine" },
	{ ...plain, similarity: "cosine", gradient: "rotation" },
	{ ...plain, quantizer: "residual", levels: [3] },
	{ ...plain, quantizer: "fsq", levels: [5, 4, 3] },
];

test("a model comes back as it was: variance, sizes, and how codes are compared", async ({ path }) => {
	const gpu = await device();
	const random = new Random(1);
	const pixels = Float32Array.from({ length: 2 * 16 * 12 }, () => random.uniform(-0.5, 0.5));
	for (const options of descriptions) {
		const model = makeModel(gpu, options);
		// Codes of very different lengths, so that the nearest by angle is seldom the nearest.
		for (const [name, tensor] of Object.entries(model.stateDict()))
			if (name.endsWith("embeddings.weight"))
				gpu.upload(
					tensor,
					Float32Array.from({ length: tensor.size }, (_, i) => random.normal() * 10 ** (i % 7 > 3 ? -1 : 1)),
				);
		await writeFile(path, await saveSafetensors(model.stateDict(), checkpointMetadata(model, options)));
		const loaded = await loadModel(gpu, path);
		assert.is(loaded.dataVariance, 0.123);
		assert.is(loaded.inChannels, 1);
		const images = gpu.tensor(pixels, [2, 1, 16, 12]);
		assert.equal(await loaded.encode(images).data(), await model.encode(images).data());
		assert.equal(await loaded.reconstruct(images).data(), await model.reconstruct(images).data());
		const metadata = checkpointMetadata(loaded, options);
		assert.equal(metadata, checkpointMetadata(model, options));
	}
});

test("metadata with other sizes than the weights is refused before anything is made", async ({ path }) => {
	const gpu = await device();
	const cases: [QuantizerOptions, Partial<QuantizerOptions>, RegExp][] = [
		[plain, { codes: 1e9 }, /codes 1000000000, but its tensors have 12/],
		[plain, { dim: 1e9 }, /dim 1000000000, but its tensors have 4/],
		[descriptions[3], { levels: [1e9] }, /levels 1000000000, but its tensors have 3/],
		[descriptions[3], { codes: 13 }, /codes 13/],
		[descriptions[4], { levels: [5, 4] }, /2, but its tensors have 3/],
		[plain, { quantizer: "residual", levels: [2] }, /levels 2, but its tensors have 0/],
		[plain, { similarity: "manhattan" as "cosine" }, /similarity/],
	];
	for (const [options, other, pattern] of cases) {
		const description = JSON.stringify({ ...options, ...other });
		await writeFile(
			path,
			changed(await savedModel(gpu, options), ({ metadata }) => {
				metadata.quantizer = description;
			}),
		);
		await refused(loadModel(gpu, path), FormatError, path, pattern);
	}
	for (const [name, value] of [
		["dataVariance", "much"],
		["quantizer", "{"],
		["quantizer", "null"],
	] as const) {
		await writeFile(
			path,
			changed(await savedModel(gpu, plain), ({ metadata }) => {
				metadata[name] = value;
			}),
		);
		await refused(loadModel(gpu, path), FormatError, path, name);
	}
});

test("weights that are missing, of absurd shapes or no floats are refused", async ({ path, folder }) => {
	const gpu = await device();
	const good = await savedModel(gpu, plain);
	const empty = (shape: readonly number[]): HostTensor => ({ dtype: "float32", shape, data: new Float32Array() });
	const cases: [(tensors: Record<string, HostTensor>) => void, RegExp][] = [
		[
			(tensors) => {
				delete tensors["encoder.convs.2.weight"];
			},
			/no tensor encoder\.convs\.2\.weight/,
		],
		[
			(tensors) => {
				tensors["encoder.convs.0.weight"] = empty([0, 1e9, 3, 3]);
			},
			/encoder\.convs\.0\.weight has shape/,
		],
		[
			(tensors) => {
				for (let block = 0; block < 1000; block++)
					tensors[`decoder.convs.${block + 1}.convs.1.weight`] = empty([0, 1e9, 3, 3]);
			},
			/decoder\.convs\.1\.convs\.1\.weight has shape/,
		],
		[
			(tensors) => {
				const { shape } = tensors["encoder.convs.2.weight"];
				const size = shape.reduce((product, length) => product * length, 1);
				tensors["encoder.convs.2.weight"] = { dtype: "int32", shape, data: new Int32Array(size) };
			},
			/encoder\.convs\.2\.weight is int32/,
		],
		[
			(tensors) => {
				tensors["decoder.convs.0.bias"] = { dtype: "int32", shape: [6], data: new Int32Array(6) };
			},
			/decoder\.convs\.0\.bias is int32 instead of float32/,
		],
	];
	for (const [change, pattern] of cases) {
		await writeFile(
			path,
			changed(good, ({ tensors }) => change(tensors)),
		);
		const error = await loadModel(gpu, path).catch((reason: unknown) => reason);
		assert.match(String(error), path);
		assert.match(String(error), pattern);
	}
	await writeFile(path, good.subarray(0, good.length - 4));
	await refused(loadModel(gpu, path), FormatError, path, /truncated/);
	await refused(loadModel(gpu, folder), DataError, folder, /is a folder/);
	await refused(loadModel(gpu, join(folder, "none")), DataError, join(folder, "none"));
});

test("a prior comes back as it was, and one whose metadata says other sizes is refused", async ({ folder, path }) => {
	const gpu = await device();
	await writeFile(path, await savedModel(gpu, plain));
	const sizes = { numEmbeddings: 12, height: 4, width: 3, channels: 4, layers: 2, kernelSize: 5, numClasses: 3 };
	const prior = new GatedPixelCNN(gpu, { ...sizes, seed: 2 });
	const metadata = priorMetadata(sizes, 1, await modelHash(folder));
	const priorPath = join(folder, "prior.safetensors");
	const bytes = await saveSafetensors(prior.stateDict(), metadata);
	await writeFile(priorPath, bytes);
	const loaded = await loadPrior(gpu, folder);
	const codes = gpu.tensor(
		Uint32Array.from({ length: 12 }, (_, i) => i),
		[1, 4, 3],
	);
	const labels = gpu.tensor(Uint32Array.of(2), [1]);
	assert.equal(await loaded.prior.forward(codes, labels).data(), await prior.forward(codes, labels).data());
	for (const name of [...Object.keys(sizes), "levels"]) {
		await writeFile(
			priorPath,
			changed(bytes, (content) => {
				content.metadata[name] = "1000000000";
			}),
		);
		await refused(loadPrior(gpu, folder), name === "levels" ? DataError : FormatError);
	}
	await writeFile(priorPath, bytes.subarray(0, 1000));
	await refused(loadPrior(gpu, folder), FormatError, priorPath);
});

test("absurd numbers of layers are refused before any is made", async () => {
	const gpu = await device();
	const memory = process.memoryUsage().rss;
	for (const make of [
		() => new VQVAE(gpu, { residualLayers: [0, 100_000] }),
		() => new VQVAE(gpu, { residualLayers: 1e9 }),
		() => new ResidualQuantizer(gpu, { levels: 1e9, numEmbeddings: 1, embeddingDim: 1 }),
		() => new GatedPixelCNN(gpu, { numEmbeddings: 2, height: 2, width: 2, layers: 1e9, channels: 1 }),
		() => new VQVAE(gpu, { numEmbeddings: 1e9 }),
		() => new VQVAE(gpu, { hiddenChannels: 1e9 }),
	])
		assertThrows(make, LimitError, ["most"]);
	assert.ok(process.memoryUsage().rss - memory < 2 ** 27);
});

test.run();
