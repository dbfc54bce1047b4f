import { ArgumentError } from "tessera-gpu";
import { FiniteScalarQuantizer } from "tessera-gpu/quantizers";
import { Trainer, VQVAE } from "tessera-gpu/vqvae";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { assertSame, assertThrows, device, randomArray, tensorOf } from "../support.js";

const test = suite("finite scalar quantizer");

test("a VQ-VAE with it trains, encodes and decodes", async () => {
	const gpu = await device();
	const quantizer = new FiniteScalarQuantizer(gpu, [8, 4, 4]);
	assert.is(quantizer.numEmbeddings, 128);
	const model = new VQVAE(gpu, { inChannels: 1, quantizer });
	const trainer = new Trainer(model, { lr: 1e-2 });
	const images = tensorOf(gpu, randomArray(new Random(1), [4, 1, 8, 8], -0.5, 0.5));
	const first = await gpu.readAll(Object.values(trainer.step(images)));
	assert.is(first[2][0], 0, "there is no commitment loss");
	assertSame(first[0], first[1], "the loss is the reconstruction's");
	for (let step = 0; step < 60; step++) trainer.step(images);
	const [[last]] = await gpu.readAll([trainer.step(images).loss]);
	assert.ok(last < 0.8 * first[0][0], `${first[0][0]} → ${last}`);
	const codes = model.encode(images);
	assert.equal([...codes.shape], [4, 2, 2]);
	assert.ok((await codes.data()).every((code) => code < 128));
	const [back, direct] = [model.decode(codes), model.reconstruct(images)];
	assertSame(await back.data(), await direct.data(), "decode");
	const { perplexity } = gpu.scope(() => ({
		perplexity: quantizer.quantize(model.encoder.forward(images)).perplexity,
	}));
	const [effective] = await perplexity.data();
	assert.ok(effective >= 1 && effective <= 16, `${effective}`);
	for (const part of [trainer, model, images, codes, back, direct, perplexity]) part.dispose();
});

test("wrong levels are refused", async () => {
	const gpu = await device();
	for (const levels of [[], [1], [2.5], [8, 0], Array.from({ length: 32 }, () => 2)])
		assertThrows(() => new FiniteScalarQuantizer(gpu, levels), ArgumentError, ["levels"]);
});

test.run();
