import { VQVAE } from "tessera-gpu/vqvae";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type DeviceSize, gridsPerBatch, imagesPerBatch } from "../../../src/node/images/batch_sizes.js";
import { imagesInMemory } from "../../../src/ops/variants.js";
import { device } from "../../support.js";

const test = suite("batch sizes");

const bound = (bytes: number, variants: DeviceSize["variants"]): DeviceSize => ({
	variants,
	limits: { maxStorageBufferBindingSize: bytes },
});
const gpuOf = (bytes: number) => bound(bytes, ["portable"]);
const cpuOf = (bytes: number) => bound(bytes, ["blocked", "portable"]);
const prior = (height: number, width: number, channels: number, numEmbeddings: number) => ({
	height,
	width,
	channels,
	numEmbeddings,
});

test("small images go through the network 128 at once", async () => {
	const model = new VQVAE(await device(), { inChannels: 1 });
	for (const device of [gpuOf, cpuOf]) {
		assert.is(imagesPerBatch(model, { height: 28, width: 28 }, device(2 ** 27)), 128);
		assert.is(gridsPerBatch(prior(7, 7, 32, 128), device(2 ** 27)), 128);
	}
	assert.is(imagesPerBatch(model, { height: 28, width: 28 }), 128);
	model.dispose();
});

test("the widest layer of the model counts, and what the device binds", async () => {
	const gpu = await device();
	const models = {
		wide: new VQVAE(gpu, { inChannels: 1, hiddenChannels: 256 }),
		long: new VQVAE(gpu, { inChannels: 1, hiddenChannels: 2, embeddingDim: 640 }),
		blocks: new VQVAE(gpu, { inChannels: 1, hiddenChannels: 4, embeddingDim: 2, residualLayers: 1 }),
	};
	const size = { height: 64, width: 64 };
	const mebibytes = 2 ** 20;
	// 128 channels of 64 × 64 floats are 2 MiB; 640 latents of 16 × 16 are 640 KiB; 2 channels of 64 × 64 are 32 KiB.
	assert.is(imagesPerBatch(models.wide, size, gpuOf(128 * mebibytes)), 64);
	assert.is(imagesPerBatch(models.wide, size, gpuOf(1024 * mebibytes)), 64, "no more than every device binds");
	assert.is(imagesPerBatch(models.wide, size, gpuOf(45 * mebibytes)), 22, "on a GPU not in whole blocks");
	assert.is(imagesPerBatch(models.wide, size, cpuOf(45 * mebibytes)), 16, "else in whole blocks of 16");
	assert.is(imagesPerBatch(models.wide, size, cpuOf(30 * mebibytes)), 3, "or without blocks");
	assert.is(imagesPerBatch(models.wide, size, cpuOf(mebibytes)), 1);
	assert.is(imagesPerBatch(models.long, size, gpuOf(10 * mebibytes)), 16);
	assert.is(imagesPerBatch(models.blocks, size, gpuOf(mebibytes)), 32);
	assert.is(gridsPerBatch(prior(16, 16, 32, 4096), gpuOf(45 * mebibytes)), 11);
	assert.is(gridsPerBatch(prior(16, 16, 512, 16), gpuOf(45 * mebibytes)), 22);
	assert.is(gridsPerBatch(prior(16, 16, 512, 16), cpuOf(45 * mebibytes)), 16);
	for (const model of Object.values(models)) model.dispose();
});

test("a small batch takes the memory of its images alone, others of whole blocks on CPU adapters", () => {
	const inMemory = (device: DeviceSize) => [1, 3, 4, 16, 17].map((batch) => imagesInMemory(device.variants, batch));
	assert.equal(inMemory(gpuOf(2 ** 27)), [1, 3, 4, 16, 17]);
	assert.equal(inMemory(cpuOf(2 ** 27)), [1, 3, 16, 16, 32]);
});

test.run();
