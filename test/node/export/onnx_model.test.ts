import { type Gpu, noGrad, Random } from "tessera-gpu";
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
import { onnxFiles } from "../../../src/node/export/onnx_model.js";
import type { Quantizer } from "../../../src/quantizers/quantizer.js";
import { device } from "../../support.js";
import { codesToSigned, Session } from "./onnx_runtime.js";

const test = suite("ONNX");

async function weightsOf(model: VQVAE<Quantizer>): Promise<Record<string, HostTensor>> {
	const entries = Object.entries(model.stateDict());
	return Object.fromEntries(
		await Promise.all(
			entries.map(async ([name, t]) => [name, { shape: t.shape, dtype: t.dtype, data: await t.data() }] as const),
		),
	) as Record<string, HostTensor>;
}

const size = { embeddingDim: 4, numEmbeddings: 24 };
const quantizers: Record<string, (gpu: Gpu) => Quantizer> = {
	paper: (gpu) => new VectorQuantizer(gpu, size),
	averaged: (gpu) => new CodebookQuantizer(gpu, size),
	cosine: (gpu) => new CodebookQuantizer(gpu, { ...size, learning: "loss", similarity: "cosine" }),
	residual: (gpu) => new ResidualQuantizer(gpu, { ...size, levels: 3 }),
	"residual, cosine": (gpu) => new ResidualQuantizer(gpu, { ...size, levels: 2, similarity: "cosine" }),
	"residual, one": (gpu) => new ResidualQuantizer(gpu, { ...size, levels: 1 }),
	fsq: (gpu) => new FiniteScalarQuantizer(gpu, [5, 4, 3, 2]),
};

for (const [name, make] of Object.entries(quantizers))
	test(name, async () => {
		const gpu = await device();
		const model = new VQVAE<Quantizer>(gpu, {
			inChannels: 3,
			hiddenChannels: 12,
			residualLayers: [1, 2],
			quantizer: make(gpu),
			seed: 4,
		});
		const random = new Random(1);
		const pixels = (shape: readonly number[]) =>
			gpu.tensor(
				Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.uniform(-0.5, 0.5)),
				shape,
			);
		const first = pixels([8, 3, 28, 28]);
		gpu.scope(() =>
			noGrad(() => {
				const z = model.encoder.forward(first);
				const { vqLayer } = model;
				if (vqLayer instanceof ResidualQuantizer) vqLayer.initialise("data", z);
				else if (!(vqLayer instanceof FiniteScalarQuantizer))
					initialiseCodebook(vqLayer as CodebookQuantizer, "data", z);
			}),
		);
		const { encoder, decoder } = onnxFiles(model, await weightsOf(model), { version: "1.2.3" });
		await (await import("node:fs/promises")).writeFile(`/tmp/y/export-work/${name}.enc.onnx`, encoder);
		await (await import("node:fs/promises")).writeFile(`/tmp/y/export-work/${name}.dec.onnx`, decoder);
		const enc = await Session.open(encoder);
		const dec = await Session.open(decoder);
		for (const shape of [
			[3, 3, 28, 44],
			[5, 3, 4, 4],
			[1, 3, 16, 8],
		]) {
			const images = pixels(shape);
			const codes = model.encode(images);
			const found = await enc.run(await images.data(), shape);
			assert.equal([...found.shape], [...codes.shape]);
			const ours = codesToSigned(await codes.data());
			let wrong = 0;
			ours.forEach((c, i) => {
				if (c !== found.data[i]) wrong++;
			});
			const out = model.decode(codes);
			const theirs = await dec.run(ours, codes.shape);
			assert.equal([...theirs.shape], [...out.shape]);
			const a = await out.data();
			let worst = 0,
				scale = 0;
			a.forEach((v, i) => {
				worst = Math.max(worst, Math.abs(v - Number(theirs.data[i])));
				scale = Math.max(scale, Math.abs(v));
			});
			console.log(
				name,
				shape.join(),
				"codes",
				new Set(ours).size,
				"wrong",
				wrong,
				"of",
				ours.length,
				"decoder",
				worst / scale,
			);
		}
	});
test.run();
