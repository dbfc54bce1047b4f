import {
	ArgumentError,
	backward,
	DivergenceError,
	type Gpu,
	loadSafetensors,
	mul,
	noGrad,
	Random,
	relu,
	reshape,
	ShapeError,
	saveSafetensors,
	type Tensor,
} from "tessera-gpu";
import { codeUse, type StepLosses, Trainer, VectorQuantizer, VQVAE } from "tessera-gpu/vqvae";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ResidualBlock } from "../../src/vqvae/residual_block.js";
import { assertSame, assertThrows, device } from "../support.js";

const test = suite("VQ-VAE");

function images(count: number, size: number, seed: number): Float32Array {
	const random = new Random(seed);
	return Float32Array.from({ length: count * size }, () => random.uniform(-0.5, 0.5));
}

function histogram(indices: Uint32Array, codes: number): Uint32Array {
	const counts = new Uint32Array(codes);
	for (const index of indices) counts[index]++;
	return counts;
}

test("a residual block adds to its input", async () => {
	const gpu = await device();
	const block = new ResidualBlock(gpu, new Random(1), 4);
	for (const parameter of block.parameters()) gpu.upload(parameter, new Float32Array(parameter.size));
	const x = gpu.tensor(images(2, 36, 1), [2, 4, 3, 3]);
	const y = noGrad(() => block.forward(x));
	assertSame(await y.data(), await x.data(), "with weights of 0");
	for (const tensor of [x, y, block]) tensor.dispose();
});

test("a loss that is infinite is a divergence", async () => {
	const gpu = await device();
	const model = new VQVAE(gpu, {
		inChannels: 1,
		embeddingDim: 2,
		numEmbeddings: 3,
		hiddenChannels: 4,
		dataVariance: 1e-38,
	});
	const trainer = new Trainer(model);
	const losses = gpu.scope(() =>
		trainer.step(gpu.tensor(new Float32Array(16).fill(100), [1, 1, 4, 4]), { keepLosses: true }),
	);
	const error = await trainer.readLosses([losses]).catch((error: unknown) => error);
	assert.instance(error, DivergenceError);
	assert.is((error as DivergenceError).value, Number.POSITIVE_INFINITY);
	trainer.dispose();
	model.dispose();
});

test("a quantizer of one's own: its loss may have any shape of one element, and no other", async () => {
	/** The paper's quantizer, whose loss has another shape. */
	class Reshaped extends VectorQuantizer {
		constructor(
			gpu: Gpu,
			private readonly lossOf: (loss: Tensor) => Tensor,
		) {
			super(gpu, { embeddingDim: 3, numEmbeddings: 5 });
		}

		override quantize(z: Tensor) {
			const { indices, ...latents } = super.quantize(z);
			return this.result({ ...latents, loss: this.lossOf(latents.loss) }, indices);
		}
	}
	const gpu = await device();
	const x = gpu.tensor(images(2, 64, 1), [2, 1, 8, 8]);
	const weights: Float32Array[] = [];
	for (const lossOf of [(loss: Tensor) => loss, (loss: Tensor) => reshape(loss, [1, 1])]) {
		const model = new VQVAE(gpu, { inChannels: 1, hiddenChannels: 4, quantizer: new Reshaped(gpu, lossOf) });
		const trainer = new Trainer(model);
		for (let i = 0; i < 3; i++) trainer.step(x);
		weights.push(await model.vqLayer.embeddings.weight.data());
		for (const part of [trainer, model]) part.dispose();
	}
	assertSame(weights[1] as Float32Array, weights[0] as Float32Array, "codes after three steps");
	const twice = (loss: Tensor) => mul(reshape(loss, [1]), gpu.tensor([1, 1]));
	const model = new VQVAE(gpu, { inChannels: 1, hiddenChannels: 4, quantizer: new Reshaped(gpu, twice) });
	gpu.scope(() => assertThrows(() => model.forward(x), ShapeError, ["the quantizer's loss", [2]]));
	for (const part of [model, x]) part.dispose();
});

test("encode, decode and reconstruct agree, for any channels and any H and W divisible by 4", async () => {
	const gpu = await device();
	for (const [channels, height, width] of [
		[1, 4, 4],
		[2, 12, 20],
		[3, 8, 44],
	] as const) {
		const model = new VQVAE(gpu, { inChannels: channels, embeddingDim: 5, numEmbeddings: 7, seed: 2 });
		const shape = [3, channels, height, width];
		const x = gpu.tensor(images(3, channels * height * width, 1), shape);
		const codes = model.encode(x);
		assert.is(codes.dtype, "uint32");
		assert.equal([...codes.shape], [3, height / 4, width / 4]);
		const back = model.decode(codes);
		const direct = model.reconstruct(x);
		const trained = model.forward(x);
		assert.equal([...back.shape], shape);
		assertSame(await back.data(), await direct.data(), "reconstruct");
		assertSame(await back.data(), await trained.reconstruction.data(), "forward");
		for (const tensor of [x, codes, back, direct, ...Object.values(trained)]) tensor.dispose();
		model.dispose();
	}
});

test("residual blocks widen the receptive fields of codes and pixels", async () => {
	const gpu = await device();
	const size = 60;
	const middle = size / 2;
	/** How many rows of codes change with one row of pixels, and how many rows of pixels with one row of codes. */
	const reach = async (residualLayers: number | readonly [number, number]) => {
		const model = new VQVAE(gpu, { inChannels: 1, embeddingDim: 3, hiddenChannels: 6, residualLayers, seed: 4 });
		const rows = async (shape: readonly number[], row: number, network: VQVAE["encoder"] | VQVAE["decoder"]) => {
			const before = images(
				1,
				shape.reduce((a, b) => a * b),
				5,
			);
			const after = before.slice();
			for (let i = 0; i < shape[3]; i++) after[row * shape[3] + i] += 1;
			const [a, b] = await Promise.all(
				[before, after].map((data) => gpu.scope(() => network.forward(gpu.tensor(data, shape))).data()),
			);
			const [, channels, height, width] = network.cost(shape).output as [number, number, number, number];
			const changed = new Set<number>();
			for (let i = 0; i < channels * height * width; i++)
				if (a[i] !== b[i]) changed.add(Math.floor(i / width) % height);
			return Math.max(...changed) - Math.min(...changed) + 1;
		};
		const codes = await rows([1, 1, size, size], middle, model.encoder);
		const pixels = await rows([1, 3, size / 4, size / 4], Math.floor(size / 8), model.decoder);
		model.dispose();
		return { codes, pixels };
	};
	const [none, two] = [await reach(0), await reach(2)];
	assert.ok(none.codes <= 2, `${none.codes} codes see a row of pixels`);
	assert.is(two.codes, none.codes + 4, "each block is a 3×3 convolution over codes");
	assert.equal(await reach([2, 0]), { codes: two.codes, pixels: none.pixels });
	assert.equal(await reach([0, 2]), { codes: none.codes, pixels: two.pixels });
	assert.ok(two.pixels >= none.pixels + 16, `${two.pixels} rows of pixels instead of ${none.pixels}`);
});

test("wrong shapes and options are refused", async () => {
	const gpu = await device();
	const model = new VQVAE(gpu, { inChannels: 1 });
	assertThrows(() => model.encode(gpu.tensor(new Float32Array(30 * 28), [1, 1, 30, 28])), ShapeError, [
		"[1, 1, 30, 28]",
		"4",
	]);
	assertThrows(() => model.forward(gpu.tensor(new Float32Array(3 * 16), [1, 3, 4, 4])), ShapeError, ["[1, 3, 4, 4]"]);
	assertThrows(() => new VQVAE(gpu, { numEmbeddings: 0 }), ArgumentError, ["numEmbeddings"]);
	assertThrows(() => new VQVAE(gpu, { dataVariance: 0 }), ArgumentError, ["dataVariance"]);
	assertThrows(() => new VQVAE(gpu, { hiddenChannels: 9 }), ArgumentError, ["hiddenChannels"]);
	assertThrows(() => new VQVAE(gpu, { residualLayers: 0.5 }), ArgumentError, ["residualLayers", "0.5"]);
	assertThrows(() => new VQVAE(gpu, { residualLayers: -1 }), ArgumentError, ["residualLayers", "at least 0"]);
	assertThrows(() => new VQVAE(gpu, { residualLayers: [1, -2] }), ArgumentError, ["residualLayers", "[1,-2]"]);
	assertThrows(() => new VQVAE(gpu, { commitmentCost: -1 }), ArgumentError, ["commitmentCost"]);
	model.dispose();
});

test("the reconstruction loss does not reach the codebook", async () => {
	const gpu = await device();
	const model = new VQVAE(gpu, { inChannels: 1, numEmbeddings: 8 });
	gpu.scope(() => backward(model.forward(gpu.tensor(images(2, 64, 3), [2, 1, 8, 8])).reconLoss));
	assert.is(model.vqLayer.embeddings.weight.hasGrad, false);
	assert.is(
		model.encoder.parameters().every(({ hasGrad }) => hasGrad),
		true,
		"it does reach the encoder",
	);
	model.dispose();
});

test("training creates nothing after warm-up, and memory does not grow over 200 steps", async () => {
	const gpu = await device();
	const model = new VQVAE(gpu, { inChannels: 1, embeddingDim: 4, numEmbeddings: 16, hiddenChannels: 8 });
	const trainer = new Trainer(model);
	const x = gpu.tensor(images(2, 64, 4), [2, 1, 8, 8]);
	const step = () => {
		for (const loss of Object.values(trainer.step(x))) loss.dispose();
	};
	for (let i = 0; i < 5; i++) step();
	await gpu.finish();
	const memory = gpu.memory();
	const { pipelines, bindGroupsMade, buffersMade } = gpu.counters();
	for (let i = 0; i < 200; i++) step();
	await gpu.finish();
	assert.equal(gpu.memory(), memory);
	assert.is(gpu.counters().pipelines, pipelines, "pipelines");
	assert.is(gpu.counters().bindGroupsMade, bindGroupsMade, "bind groups");
	assert.is(gpu.counters().buffersMade, buffersMade, "buffers");
	trainer.dispose();
	x.dispose();
	model.dispose();
});

test("two trainings from the same seed give the same bits", async () => {
	const gpu = await device();
	const train = async () => {
		const model = new VQVAE(gpu, { inChannels: 1, numEmbeddings: 32, seed: 5, dataVariance: 0.08 });
		const trainer = new Trainer(model, { lr: 3e-3 });
		for (let i = 0; i < 6; i++) {
			const losses = trainer.step(() => gpu.tensor(images(5, 400, i), [5, 1, 20, 20]));
			for (const loss of Object.values(losses)) loss.dispose();
		}
		const bytes = await saveSafetensors(model.stateDict(), { made: "twice" });
		trainer.dispose();
		model.dispose();
		return bytes;
	};
	const first = await train();
	gpu.trim(); // other buffers the second time
	assert.equal(await train(), first);
	const dict = loadSafetensors(first);
	assert.is(Object.keys(dict).length, 13);
});

test("the loss falls on images that are the same every time", async () => {
	const gpu = await device();
	const model = new VQVAE(gpu, { inChannels: 1, numEmbeddings: 16, hiddenChannels: 16, dataVariance: 0.08 });
	const trainer = new Trainer(model, { lr: 2e-3 });
	const x = gpu.tensor(
		images(4, 256, 9).map((value, i) => (i % 16 < 8 ? 0.4 : -0.4) + 0.1 * value),
		[4, 1, 16, 16],
	);
	const losses: number[] = [];
	for (let i = 0; i < 40; i++) {
		const { loss, reconLoss, commitmentLoss } = trainer.step(x);
		losses.push(await reconLoss.item());
		for (const tensor of [loss, reconLoss, commitmentLoss]) tensor.dispose();
	}
	assert.ok((losses.at(-1) as number) < 0.5 * losses[0], `${losses[0]} → ${losses.at(-1)}`);
	trainer.dispose();
	x.dispose();
	model.dispose();
});

test("losses are freed by the next step unless they are kept; each step that is read has its own perplexity", async () => {
	const gpu = await device();
	const before = gpu.memory().buffers;
	const model = new VQVAE(gpu, { inChannels: 1, numEmbeddings: 8, embeddingDim: 1 });
	const trainer = new Trainer(model);
	const batch = (seed: number) => () => gpu.tensor(images(2, 256, seed), [2, 1, 16, 16]);
	const latents = gpu.scope(() => model.encoder.forward(batch(0)()));
	gpu.upload(model.vqLayer.embeddings.weight, (await latents.data()).slice(0, 8));
	latents.dispose();
	const first = trainer.step(batch(0));
	const kept: StepLosses[] = [];
	const expected: number[] = [];
	for (let step = 1; step <= 6; step++) {
		const { indices, ...rest } = gpu.scope(() => noGrad(() => model.forward(batch(step)())));
		expected.push(codeUse(histogram(await indices.data(), 8)).perplexity);
		for (const tensor of [indices, ...Object.values(rest)]) tensor.dispose();
		kept.push(trainer.step(batch(step), { keepLosses: true }));
	}
	assert.is(first.loss.isDisposed, true);
	const reading = await first.loss.item().catch((error: Error) => error);
	assert.match(String(reading), /^DisposedError: .*trainer.step\(batch, \{ keepLosses: true \}\)/);
	assert.throws(() => relu(first.reconLoss), /keepLosses/);
	const loss = await kept[2].loss.item();
	const records = [...(await trainer.readLosses(kept.slice(0, 2))), ...(await trainer.readLosses(kept.slice(2)))];
	assert.equal(
		records.map(({ step }) => step),
		[2, 3, 4, 5, 6, 7],
	);
	assert.is(records[2].loss, loss);
	// The first record also counts the codes of the step that was not read.
	assert.equal(
		records.slice(1).map(({ perplexity }) => perplexity),
		expected.slice(1),
	);
	assert.ok(new Set(expected).size > 2, `${expected}: batches of differing perplexity`);
	assert.is(kept[0].loss.isDisposed && kept[5].codeCounts.isDisposed, true, "reading frees");
	trainer.dispose();
	model.dispose();
	assert.is(gpu.memory().buffers, before, "buffers alive");
});

test("a step that throws does not count", async () => {
	const gpu = await device();
	const model = new VQVAE(gpu, { inChannels: 1, numEmbeddings: 8 });
	const trainer = new Trainer(model);
	const x = gpu.tensor(images(2, 64, 4), [2, 1, 8, 8]);
	const step = () => trainer.step(x, { keepLosses: true });
	const colour = gpu.tensor(images(6, 64, 4), [2, 3, 8, 8]);
	const first = step();
	assertThrows(() => trainer.step(colour), ShapeError, ["[B, 1, H, W]"]);
	assert.throws(
		() =>
			trainer.step(() => {
				throw new Error("no more images");
			}),
		/no more images/,
	);
	const records = await trainer.readLosses([first, step()]);
	assert.equal(
		records.map(({ step }) => step),
		[1, 2],
	);
	for (const part of [trainer, x, colour, model]) part.dispose();
});

test("a training that diverges stops when its losses are read, and names the first step", async () => {
	const gpu = await device();
	const model = new VQVAE(gpu, { inChannels: 1, numEmbeddings: 8 });
	const trainer = new Trainer(model, { lr: 1e30 });
	const x = gpu.tensor(images(2, 64, 4), [2, 1, 8, 8]);
	const kept = Array.from({ length: 6 }, () => trainer.step(x, { keepLosses: true }));
	const losses = (await gpu.readAll(kept.map(({ loss }) => loss))).map(([loss]) => loss);
	const step = losses.findIndex((loss) => !Number.isFinite(loss)) + 1;
	assert.ok(step >= 2, `losses ${losses}`);
	const thrown = await trainer.readLosses(kept).catch((error: unknown) => error);
	assert.instance(thrown, DivergenceError);
	assert.match(String(thrown), `the loss of step ${step} is ${losses[step - 1]}`);
	assert.match(String(thrown), "lr is 1e+30");
	const before = (thrown as DivergenceError).before as { step: number; loss: number }[];
	assert.equal(
		before.map(({ step, loss }) => [step, loss]),
		losses.slice(0, step - 1).map((loss, i) => [i + 1, loss]),
		"the steps before it",
	);
	assert.throws(
		() => trainer.step(x),
		(error: unknown) => error === thrown,
	);
	const evaluated = await trainer.evaluate([() => x]).catch((error: unknown) => error);
	assert.instance(evaluated, DivergenceError);
	trainer.dispose();
	x.dispose();
	model.dispose();
});

test("evaluation weighs batches by their size and counts codes over all of them", async () => {
	const gpu = await device();
	const model = new VQVAE(gpu, { inChannels: 1, numEmbeddings: 16, dataVariance: 0.5 });
	const trainer = new Trainer(model);
	const all = images(5, 64, 11);
	const part = (from: number, to: number) => () => gpu.tensor(all.slice(64 * from, 64 * to), [to - from, 1, 8, 8]);
	const split = await trainer.evaluate([part(0, 4), part(4, 5)]);
	const whole = await trainer.evaluate([part(0, 5)]);
	assert.is(split.images, 5);
	assert.ok(Math.abs(split.nmse - whole.nmse) < 1e-6 * whole.nmse);
	assert.is(split.perplexity, whole.perplexity);
	assert.is(split.codesInUse, whole.codesInUse);
	const none = await Promise.allSettled([trainer.evaluate([])]);
	assert.is(none[0]?.status, "rejected");
	const x = part(0, 5)();
	const reconstruction = model.reconstruct(x);
	const values = await reconstruction.data();
	const expected = values.reduce((sum, value, i) => sum + (value - all[i]) ** 2, 0) / all.length / 0.5;
	assert.ok(Math.abs(whole.nmse - expected) < 1e-5 * expected, `${whole.nmse} against ${expected}`);
	for (const tensor of [x, reconstruction]) tensor.dispose();
	trainer.dispose();
	model.dispose();
});

test.run();
