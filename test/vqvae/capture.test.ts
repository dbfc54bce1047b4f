import { CaptureError, type Gpu, loadSafetensors, Random, saveSafetensors, type Tensor } from "tessera-gpu";
import { type StepLosses, Trainer, VQVAE } from "tessera-gpu/vqvae";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { assertThrows, device, variants } from "../support.js";

const test = suite("captured training");

function images(count: number, seed: number): Float32Array {
	const random = new Random(seed);
	return Float32Array.from({ length: count * 144 }, () => random.uniform(-0.5, 0.5));
}

/** A training with everything that may happen between steps: its weights, and every number that was read. */
async function train(gpu: Gpu, capture: boolean): Promise<{ bytes: Uint8Array; read: number[] }> {
	const model = new VQVAE(gpu, {
		inChannels: 1,
		embeddingDim: 8,
		numEmbeddings: 24,
		hiddenChannels: 8,
		seed: 3,
		dataVariance: 0.08,
	});
	const trainer = new Trainer(model, { lr: 2e-3, capture });
	const read: number[] = [];
	const kept: StepLosses[] = [];
	const batch = (step: number) => () => {
		const count = step % 5 === 4 ? 2 : 6; // each fifth batch is smaller
		return gpu.tensor(images(count, step), [count, 1, 12, 12]);
	};
	for (let step = 0; step < 14; step++) {
		if (step === 6) trainer.optimizer.lr = 5e-4;
		if (step === 7) gpu.trim();
		if (step === 8) read.push((await trainer.evaluate([batch(100), batch(101)])).nmse);
		if (step === 9) trainer.optimizer.zeroGrad();
		if (step === 11) model.loadStateDict(loadSafetensors(await saveSafetensors(model.stateDict(), {})));
		if (step === 12) model.encoder.parameters()[0].requiresGrad = false;
		const losses = trainer.step(batch(step), { keepLosses: step >= 3 && step <= 6 });
		if (step >= 3 && step <= 6) kept.push(losses);
		else read.push(await losses.loss.item(), await losses.reconLoss.item(), await losses.commitmentLoss.item());
		if (step === 5 || step === 10) {
			const records = await trainer.readLosses(kept.splice(0));
			read.push(...records.flatMap((record) => Object.values(record)));
		}
	}
	for (const gradient of model.decoder.parameters().map(({ grad }) => grad)) read.push((await gradient.data())[0]);
	const bytes = await saveSafetensors(model.stateDict(), { made: "here" });
	trainer.dispose();
	model.dispose();
	return { bytes, read };
}

test("captured steps give the same bits as eager steps", async () => {
	for (const gpu of await variants()) {
		const before = gpu.memory().buffers;
		const eager = await train(gpu, false);
		const captured = await train(gpu, true);
		assert.equal(captured.read, eager.read);
		assert.equal(captured.bytes, eager.bytes);
		assert.is(gpu.memory().buffers, before, "buffers alive");
	}
});

test("a captured step is one submit and creates nothing", async () => {
	const gpu = await device();
	const model = new VQVAE(gpu, { inChannels: 1, embeddingDim: 4, numEmbeddings: 16, hiddenChannels: 8 });
	const trainer = new Trainer(model);
	const data = images(3, 1);
	const step = () => trainer.step(() => gpu.tensor(data, [3, 1, 12, 12]));
	for (let i = 0; i < 5; i++) step();
	await gpu.finish();
	const memory = gpu.memory();
	const before = gpu.counters();
	for (let i = 0; i < 20; i++) step();
	await gpu.finish();
	const after = gpu.counters();
	assert.is(after.submits - before.submits, 20);
	assert.is(after.pipelines, before.pipelines);
	assert.equal([after.bindGroupsMade, after.buffersMade], [before.bindGroupsMade, before.buffersMade]);
	assert.equal(gpu.memory(), memory);
	assert.is((after.dispatches - before.dispatches) % 20, 0);
	assert.ok(after.dispatches > before.dispatches);
	trainer.dispose();
	model.dispose();
});

test("a model that cannot be captured throws a CaptureError, and trains with capture: false", async () => {
	const gpu = await device();
	class Noisy extends VQVAE {
		override forward(x: Tensor) {
			gpu.tensor([1], [1]);
			return super.forward(x);
		}
	}
	const model = new Noisy(gpu, { inChannels: 1, hiddenChannels: 8 });
	const x = gpu.tensor(images(1, 1), [1, 1, 12, 12]);
	const capturing = new Trainer(model);
	capturing.step(x);
	assertThrows(() => capturing.step(x), CaptureError, ["uploads"]);
	capturing.dispose();
	const trainer = new Trainer(model, { capture: false });
	for (let i = 0; i < 3; i++) trainer.step(x);
	trainer.dispose();
	x.dispose();
	model.dispose();
});

test.run();
