import { VQVAE } from "tessera-gpu/vqvae";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type DeviceSize, gridsPerBatch, imagesPerBatch } from "../../../src/node/images/batch_sizes.js";
import { imagesInMemory, largestBatch, variantsForBatch } from "../../../src/ops/variants.js";
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
	assert.is(imagesPerBatch(models.wide, size, cpuOf(30 * mebibytes)), 5, "or without blocks");
	assert.is(imagesPerBatch(models.wide, size, cpuOf(mebibytes)), 1);
	assert.is(imagesPerBatch(models.long, size, gpuOf(10 * mebibytes)), 16);
	assert.is(imagesPerBatch(models.blocks, size, gpuOf(mebibytes)), 32);
	assert.is(gridsPerBatch(prior(16, 16, 32, 4096), gpuOf(45 * mebibytes)), 11);
	assert.is(gridsPerBatch(prior(16, 16, 512, 16), gpuOf(45 * mebibytes)), 22);
	assert.is(gridsPerBatch(prior(16, 16, 512, 16), cpuOf(45 * mebibytes)), 16);
	for (const model of Object.values(models)) model.dispose();
});

test("a small batch takes the memory of its images alone, others of whole blocks on CPU adapters", () => {
	const inMemory = ({ variants }: DeviceSize, bytes: number) =>
		[1, 3, 4, 5, 6, 16, 17].map((batch) => imagesInMemory(variants, batch, bytes));
	const large = 4 * 3 * 128 * 128;
	for (const bytes of [4, large]) assert.equal(inMemory(gpuOf(2 ** 27), bytes), [1, 3, 4, 5, 6, 16, 17]);
	assert.equal(inMemory(cpuOf(2 ** 27), large - 4), [1, 3, 16, 16, 16, 16, 32]);
	assert.equal(inMemory(cpuOf(2 ** 27), large), [1, 3, 4, 5, 16, 16, 32], "up to 5 large images are not blocked");
});

test("the largest batch is one that needs no more memory", () => {
	const batches = ({ variants }: DeviceSize, bytes: number) =>
		[1, 3, 4, 15, 16, 31, 32].map((images) => largestBatch(variants, images, bytes));
	assert.equal(batches(gpuOf(2 ** 27), 4), [1, 3, 4, 15, 16, 31, 32]);
	assert.equal(batches(cpuOf(2 ** 27), 4), [1, 3, 3, 3, 16, 16, 32]);
	assert.equal(batches(cpuOf(2 ** 27), 2 ** 20), [1, 3, 4, 5, 16, 16, 32]);
});

test("the larger tensor of an operation decides, in both directions", async () => {
	const gpu = await device();
	const blocked = gpu.variants.includes("blocked");
	for (const [batch, small, large, wanted] of [
		[3, 1, 10, false],
		[4, 1, 10, true],
		[4, 10, 3 * 128 * 128 - 1, true],
		[4, 10, 3 * 128 * 128, false],
		[5, 10, 3 * 128 * 128, false],
		[6, 10, 3 * 128 * 128, true],
	] as const) {
		for (const [x, other] of [
			[small, large],
			[large, small],
		]) {
			const tensor = gpu.empty([batch, x, 1, 1]);
			assert.is(variantsForBatch(tensor, [batch, other, 1, 1]).includes("blocked"), blocked && wanted, `${batch} ${x}`);
			tensor.dispose();
		}
	}
});

test.run();
