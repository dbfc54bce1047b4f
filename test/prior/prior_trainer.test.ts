import { ArgumentError, DisposedError, DivergenceError, type Gpu } from "tessera-gpu";
import { type CodeBatch, GatedPixelCNN, PriorTrainer } from "tessera-gpu/prior";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { cosineDecay } from "../../src/nn/learning_rate.js";
import { assertThrows, device, variants } from "../support.js";

const test = suite("PriorTrainer");

const grid = { numEmbeddings: 6, height: 3, width: 4 } as const;

/** Grids in which nine of ten codes follow from the class and the code before them. */
function batch(
	gpu: Gpu,
	random: Random,
	count: number,
): CodeBatch & { readonly labels: NonNullable<CodeBatch["labels"]> } {
	const labels = Uint32Array.from({ length: count }, () => random.integer(2));
	const codes = new Uint32Array(count * 12);
	for (let i = 0; i < codes.length; i++) {
		const before = i % 12 === 0 ? 0 : (codes[i - 1] as number);
		codes[i] = random.integer(10) === 0 ? random.integer(6) : (before + 1 + (labels[Math.floor(i / 12)] as number)) % 6;
	}
	return { codes: gpu.tensor(codes, [count, 3, 4]), labels: gpu.tensor(labels, [count]) };
}

test("the learning rate rises from above 0 over the warm-up, then falls to 0 along half a cosine", () => {
	const rates = Array.from({ length: 8 }, (_, step) => cosineDecay(step, 7, 3));
	for (const [step, rate] of [
		1 / 4,
		2 / 4,
		3 / 4,
		1,
		(1 + Math.SQRT1_2) / 2,
		1 / 2,
		(1 - Math.SQRT1_2) / 2,
		0,
	].entries())
		assert.ok(Math.abs((rates[step] as number) - rate) < 1e-12, `${rates[step]} instead of ${rate} at step ${step}`);
});

test("evaluation weighs batches by their size", async () => {
	const gpu = await device();
	const model = new GatedPixelCNN(gpu, { ...grid, channels: 4, layers: 1 });
	const trainer = new PriorTrainer(model, { steps: 1 });
	const codes = Uint32Array.from({ length: 60 }, (_, i) => (i < 48 ? 5 : i % 6));
	const part = (from: number, count: number) => () => ({
		codes: gpu.tensor(codes.slice(12 * from, 12 * (from + count)), [count, 3, 4]),
	});
	const whole = await trainer.evaluate([part(0, 5)]);
	const parts = await trainer.evaluate([part(0, 4), part(4, 1)]);
	assert.ok(Math.abs(parts - whole) < 1e-5, `${parts} in parts, ${whole} as a whole`);
	trainer.dispose();
	model.dispose();
});

test("learns the distribution of its codes, and evaluates nats per code", async () => {
	const gpu = await device();
	const model = new GatedPixelCNN(gpu, { ...grid, channels: 12, layers: 2, numClasses: 2 });
	const trainer = new PriorTrainer(model, { lr: 1e-2, steps: 300 });
	const random = new Random(5);
	await trainer.prepare([32, 3, 4]);
	const before = await trainer.evaluate([() => batch(gpu, new Random(100), 200)]);
	for (let step = 0; step < 300; step++) gpu.scope(() => trainer.step(batch(gpu, random, 32)).dispose());
	const after = await trainer.evaluate([
		() => batch(gpu, new Random(100), 200),
		() => batch(gpu, new Random(101), 207),
	]);
	// The entropy of the source: the code that follows with probability 0.9 + 0.1/6, else one of five others.
	const likely = 0.9 + 0.1 / 6;
	const entropy = -likely * Math.log(likely) - (1 - likely) * Math.log(0.1 / 6);
	assert.ok(before > 1.4, `${before} nats before`);
	assert.ok(after < 1.3 * entropy, `${after} nats after, of ${entropy}`);
	assert.is(trainer.optimizer.lr < 1e-5, true, `learning rate ${trainer.optimizer.lr} at the end`);
	trainer.dispose();
	model.dispose();
});

test("a training that diverges stops when its losses are read, and names the first step", async () => {
	const gpu = await device();
	const model = new GatedPixelCNN(gpu, { ...grid, channels: 4, layers: 2, numClasses: 2 });
	const trainer = new PriorTrainer(model, { lr: 1e30, steps: 10, warmUp: 0 });
	const random = new Random(5);
	const step = () => gpu.scope(() => trainer.step(batch(gpu, random, 4)));
	const kept = Array.from({ length: 6 }, step);
	const losses = (await gpu.readAll(kept)).map(([loss]) => loss);
	const first = losses.findIndex((loss) => !Number.isFinite(loss)) + 1;
	assert.ok(first >= 2, `losses ${losses}`);
	const thrown = await trainer.readLosses(kept).catch((error: unknown) => error);
	assert.instance(thrown, DivergenceError);
	assert.match(String(thrown), `PriorTrainer: the loss of step ${first} is ${losses[first - 1]}`);
	const before = losses.slice(0, first - 1).map((nats, i) => ({ step: i + 1, nats }));
	assert.equal((thrown as DivergenceError).before, before, "the steps before it");
	assert.throws(step, (error: unknown) => error === thrown);
	const evaluated = await trainer.evaluate([() => batch(gpu, random, 4)]).catch((error: unknown) => error);
	assert.instance(evaluated, DivergenceError);
	trainer.dispose();
	model.dispose();
});

for (const dropout of [0, 0.3])
	test(`captured steps give the same bits as eager steps, and create nothing, dropout ${dropout}`, async () => {
		const gpu = await device();
		const start = gpu.memory().buffers;
		const results: Float32Array[][] = [];
		for (const capture of [true, false]) {
			const model = new GatedPixelCNN(gpu, { ...grid, channels: 5, layers: 2, numClasses: 2, seed: 3 });
			const trainer = new PriorTrainer(model, { steps: 12, capture, dropout, seed: 4 });
			const random = new Random(9);
			const losses: Float32Array[] = [];
			let counted = gpu.counters();
			for (let step = 0; step < 9; step++) {
				// One batch is smaller than the others.
				const loss = gpu.scope(() => trainer.step(batch(gpu, random, step === 4 ? 3 : 6)));
				losses.push(await loss.data());
				loss.dispose();
				if (step === 6) counted = gpu.counters();
			}
			const { pipelines, bindGroupsMade, buffersMade } = gpu.counters();
			assert.equal(
				[pipelines, bindGroupsMade, buffersMade],
				[counted.pipelines, counted.bindGroupsMade, counted.buffersMade],
			);
			results.push([...losses, ...(await Promise.all(model.parameters().map((parameter) => parameter.data())))]);
			trainer.dispose();
			model.dispose();
		}
		assert.equal(results[0], results[1]);
		assert.is(gpu.memory().buffers, start, "buffers alive");
	});

test("drops other values in each step and for each seed, and none in evaluate()", async () => {
	const gpu = await device();
	const losses = new Set<number>();
	const evaluations = new Set<number>();
	for (const [dropout, seed] of [
		[0, 0],
		[0.5, 0],
		[0.5, 1],
	] as const) {
		const model = new GatedPixelCNN(gpu, { ...grid, channels: 8, layers: 2, numClasses: 2, seed: 3 });
		// The learning rate is so low that the weights do not change.
		const trainer = new PriorTrainer(model, { lr: 1e-12, steps: 4, dropout, seed });
		for (let step = 0; step < 4; step++) {
			const loss = gpu.scope(() => trainer.step(batch(gpu, new Random(1), 16)));
			losses.add(await loss.item());
			loss.dispose();
		}
		evaluations.add(await trainer.evaluate([() => batch(gpu, new Random(1), 16)]));
		trainer.dispose();
		model.dispose();
	}
	assert.is(losses.size, 1 + 4 + 4, [...losses].join(", "));
	assert.equal([...evaluations], [...losses].slice(0, 1));
});

test("a model and a trainer that are made in a scope outlive it", async () => {
	const gpu = await device();
	const start = gpu.memory().buffers;
	const [model, trainer] = gpu.scope(() => {
		const model = new GatedPixelCNN(gpu, { ...grid, channels: 4, layers: 1, numClasses: 2 });
		return [model, new PriorTrainer(model, { steps: 4, dropout: 0.3 })] as const;
	});
	for (let step = 0; step < 2; step++) {
		const loss = gpu.scope(() => trainer.step(batch(gpu, new Random(step), 5)));
		assert.ok(Number.isFinite(await loss.item()));
		loss.dispose();
	}
	trainer.dispose();
	model.dispose();
	assert.is(gpu.memory().buffers, start, "buffers alive");
});

test("the learning rate rises, then falls to zero", () => {
	const rates = Array.from({ length: 100 }, (_, step) => cosineDecay(step, 100, 10));
	assert.ok(rates.slice(1, 10).every((rate, i) => rate > (rates[i] as number)));
	assert.is(rates[10], 1);
	assert.ok(rates.slice(11).every((rate, i) => rate < (rates[10 + i] as number)));
	assert.ok((rates[99] as number) < 1e-3 && cosineDecay(150, 100, 10) === 0);
});

test("options out of range and batches without labels are refused", async () => {
	const gpu = await device();
	const model = new GatedPixelCNN(gpu, { ...grid, channels: 2, layers: 1, numClasses: 2 });
	assertThrows(() => new PriorTrainer(model, { steps: 0 }), ArgumentError, ["steps"]);
	assertThrows(() => new PriorTrainer(model, { steps: 5, warmUp: -1 }), ArgumentError, ["warmUp"]);
	for (const dropout of [-0.5, 1])
		assertThrows(() => new PriorTrainer(model, { steps: 5, dropout }), ArgumentError, ["dropout", `${dropout}`]);
	assertThrows(() => new PriorTrainer(model, { steps: 5, seed: 0.5 }), ArgumentError, ["seed"]);
	const trainer = new PriorTrainer(model, { steps: 5 });
	gpu.scope(() => {
		const { codes } = batch(gpu, new Random(1), 2);
		assertThrows(() => trainer.step({ codes }), ArgumentError, ["labels"]);
	});
	trainer.dispose();
	model.dispose();
});

test("a step that throws does not count", async () => {
	const gpu = await device();
	for (const capture of [false, true]) {
		const model = new GatedPixelCNN(gpu, { ...grid, channels: 2, layers: 1, numClasses: 2 });
		const trainer = new PriorTrainer(model, { steps: 5, capture });
		const step = () => gpu.scope(() => trainer.step(batch(gpu, new Random(1), 2)));
		const freed = batch(gpu, new Random(1), 2);
		freed.codes.dispose();
		const first = step();
		assertThrows(() => trainer.step(freed), DisposedError);
		const records = await trainer.readLosses([first, step()]);
		assert.equal(
			records.map(({ step }) => step),
			[1, 2],
		);
		for (const part of [trainer, model, freed.labels]) part.dispose();
	}
});

test("a code that is not below numEmbeddings is an error of its step, eager and captured", async () => {
	for (const gpu of await variants())
		for (const capture of [false, true]) {
			const model = new GatedPixelCNN(gpu, { numEmbeddings: 6, height: 2, width: 3, channels: 4 });
			const trainer = new PriorTrainer(model, { steps: 10, capture });
			const codes = (last: number) =>
				gpu.tensor(
					Uint32Array.from({ length: 30 }, (_, i) => (i < 29 ? i % 6 : last)),
					[5, 2, 3],
				);
			const losses = [5, 5, 6, 5].map((last) => gpu.scope(() => trainer.step({ codes: codes(last) })));
			const thrown = await trainer.readLosses(losses).catch((error: unknown) => error);
			assert.instance(thrown, ArgumentError);
			assert.match(String(thrown), "PriorTrainer.readLosses: codes of step 3 must be below numEmbeddings, 6");
			const evaluated = await trainer
				.evaluate([() => ({ codes: codes(4_294_967_295) })])
				.catch((error: unknown) => error);
			assert.match(String(evaluated), "PriorTrainer.evaluate: codes of the batches must be below numEmbeddings, 6");
			const loss = gpu.scope(() => trainer.step({ codes: codes(0) }));
			assert.ok(Number.isFinite((await trainer.readLosses([loss]))[0]?.nats), "the weights are as good as before");
			trainer.dispose();
			model.dispose();
		}
});

test("a label that is not below numClasses is an error of its step, eager and captured", async () => {
	const gpu = await device();
	const before = gpu.memory().buffers;
	for (const capture of [false, true]) {
		const model = new GatedPixelCNN(gpu, { numEmbeddings: 6, height: 2, width: 3, channels: 4, numClasses: 3 });
		const trainer = new PriorTrainer(model, { steps: 10, capture });
		const codes = gpu.tensor(
			Uint32Array.from({ length: 30 }, (_, i) => i % 6),
			[5, 2, 3],
		);
		const batch = (last: number) => ({ codes, labels: gpu.tensor(Uint32Array.of(0, 1, 2, 0, last), [5]) });
		const losses = [2, 2, 3, 2].map((last) => gpu.scope(() => trainer.step(batch(last))));
		const thrown = await trainer.readLosses(losses).catch((error: unknown) => error);
		assert.instance(thrown, ArgumentError);
		assert.match(String(thrown), "PriorTrainer.readLosses: labels of step 3 must be below numClasses, 3, but one is 3");
		assert.ok(Number.isFinite(await trainer.evaluate([() => batch(2)])));
		const refused = await trainer.evaluate([() => batch(2), () => batch(7)]).catch((error: unknown) => error);
		assert.instance(refused, ArgumentError);
		assert.match(
			String(refused),
			"PriorTrainer.evaluate: labels of the batches must be below numClasses, 3, but one is 7",
		);
		const right = [0, 1, 2].map((last) => gpu.scope(() => trainer.step(batch(last))));
		assert.equal(
			(await trainer.readLosses(right)).map(({ step }) => step),
			[5, 6, 7],
		);
		for (const part of [trainer, model, codes]) part.dispose();
	}
	assert.is(gpu.memory().buffers, before, "buffers alive");
});

test("labels are kept until their loss is read or freed", async () => {
	const gpu = await device();
	const model = new GatedPixelCNN(gpu, { ...grid, channels: 4, layers: 1, numClasses: 2 });
	const trainer = new PriorTrainer(model, { steps: 40 });
	const random = new Random(5);
	const step = () => gpu.scope(() => trainer.step(batch(gpu, random, 4)));
	for (let i = 0; i < 4; i++) step().dispose();
	const { buffers } = gpu.memory();
	for (let i = 0; i < 9; i++) step().dispose();
	assert.is(gpu.memory().buffers, buffers, "freed");
	await trainer.readLosses(Array.from({ length: 9 }, step));
	step().dispose();
	assert.is(gpu.memory().buffers, buffers, "read");
	trainer.dispose();
	model.dispose();
});

test.run();
