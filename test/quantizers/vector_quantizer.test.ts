import { Random } from "tessera-gpu";
import { VectorQuantizer } from "tessera-gpu/quantizers";
import { VQVAE } from "tessera-gpu/vqvae";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { assertSame, device } from "../support.js";

const test = suite("VectorQuantizer");

test("draws its codes from the random numbers that it is given, as torch.nn.Embedding from N(0, 1)", async () => {
	const gpu = await device();
	const random = new Random(7);
	const expected = Float32Array.from({ length: 6 }, () => random.normal());
	const quantizers = [{}, { commitmentCost: 1 }].map(
		(options) => new VectorQuantizer(gpu, { embeddingDim: 2, numEmbeddings: 3, ...options }, new Random(7)),
	);
	for (const { embeddings } of quantizers) assertSame(await embeddings.weight.data(), expected, "codes");
	const [first, default_] = [new VectorQuantizer(gpu, {}, new Random(0)), new VectorQuantizer(gpu)];
	assertSame(await default_.embeddings.weight.data(), await first.embeddings.weight.data(), "default");
	assert.equal([default_.numEmbeddings, default_.embeddingDim, default_.commitmentCost], [128, 16, 0.25]);
	for (const quantizer of [...quantizers, first, default_]) quantizer.dispose();
});

test("a model draws encoder, codebook and decoder from one generator, in this order", async () => {
	const gpu = await device();
	const model = new VQVAE(gpu, { inChannels: 1, hiddenChannels: 4, embeddingDim: 2, numEmbeddings: 3, seed: 5 });
	const random = new Random(5);
	for (const { size } of model.encoder.parameters()) for (let i = 0; i < size; i++) random.uniform();
	const codes = Float32Array.from({ length: 6 }, () => random.normal());
	assertSame(await model.vqLayer.embeddings.weight.data(), codes, "codes");
	const given = new VectorQuantizer(gpu, { embeddingDim: 2, numEmbeddings: 3 });
	const other = new VQVAE(gpu, { inChannels: 1, hiddenChannels: 4, quantizer: given, seed: 5 });
	assert.is(other.vqLayer, given);
	const [a, b] = [model.encoder.stateDict(), other.encoder.stateDict()];
	for (const name of Object.keys(a)) assertSame(await b[name]?.data(), await a[name]?.data(), name);
	for (const part of [model, other]) part.dispose();
});

test.run();
