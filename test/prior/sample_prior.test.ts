import { ArgumentError, type Gpu, ShapeError } from "tessera-gpu";
import { GatedPixelCNN, type SamplePriorOptions, samplePrior } from "tessera-gpu/prior";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { assertThrows, device } from "../support.js";

const test = suite("samplePrior");

const positions = 12;

/** A prior with weights larger than the initial ones, so that codes depend on others. */
async function prior(gpu: Gpu, numClasses = 0): Promise<GatedPixelCNN> {
	const options = { numEmbeddings: 9, height: 3, width: 4, channels: 6, layers: 3, numClasses, seed: 4 };
	const model = new GatedPixelCNN(gpu, options);
	for (const parameter of model.parameters())
		gpu.upload(
			parameter,
			(await parameter.data()).map((value) => 2 * value),
		);
	return model;
}

async function sample(model: GatedPixelCNN, options: SamplePriorOptions): Promise<Uint32Array> {
	const codes = samplePrior(model, options);
	assert.equal([...codes.shape], [options.count, 3, 4]);
	const data = await codes.data();
	codes.dispose();
	return data;
}

test("the codes depend on the seed, and a grid is the same in any batch", async () => {
	const gpu = await device();
	const model = await prior(gpu);
	const all = await sample(model, { count: 12, seed: 7 });
	assert.equal(await sample(model, { count: 12, seed: 7 }), all);
	assert.not.equal(await sample(model, { count: 12, seed: 8 }), all);
	const last = await sample(model, { count: 5, seed: 7, firstImage: 7 });
	assert.equal(last, all.slice(7 * positions));
	assert.ok(all.every((code) => code < 9) && new Set(all).size === 9);
	assert.ok(
		new Set(Array.from({ length: 12 }, (_, i) => all.slice(i * positions, (i + 1) * positions).join())).size === 12,
	);
	model.dispose();
});

test("reads nothing back, and frees all buffers", async () => {
	const gpu = await device();
	const model = await prior(gpu);
	samplePrior(model, { count: 4 }).dispose();
	await gpu.finish();
	const before = gpu.memory();
	const { submits } = gpu.counters();
	samplePrior(model, { count: 4 }).dispose();
	assert.is(gpu.counters().submits - submits, positions);
	await gpu.finish();
	assert.equal(gpu.memory(), before);
	model.dispose();
});

test("without temperature each code is the likeliest one", async () => {
	const gpu = await device();
	const model = await prior(gpu);
	const codes = await sample(model, { count: 4, temperature: 0 });
	assert.equal(codes.slice(positions, 2 * positions), codes.slice(0, positions));
	assert.equal(await sample(model, { count: 4, temperature: 0, seed: 5 }), codes);
	assert.equal(await sample(model, { count: 4, topK: 1, seed: 5 }), codes);
	const logits = gpu.scope(() => model.forward(gpu.tensor(codes, [4, 3, 4])));
	const values = await logits.data();
	for (let p = 0; p < positions; p++) {
		const column = Array.from({ length: 9 }, (_, k) => values[k * positions + p] as number);
		assert.is(codes[p], column.indexOf(Math.max(...column)));
	}
	logits.dispose();
	model.dispose();
});

test("keeps the codes that are given, and later ones depend on them", async () => {
	const gpu = await device();
	const model = await prior(gpu);
	const keep = Uint32Array.from({ length: 6 * positions }, (_, i) => (i % positions < 4 ? 1 : 0));
	const codes = new Uint32Array(6 * positions).fill(3);
	const drawn = await sample(model, { count: 6, codes, keep, seed: 1 });
	drawn.forEach((code, i) => {
		if (keep[i] === 1) assert.is(code, 3);
	});
	const other = await sample(model, { count: 6, codes: codes.map(() => 5), keep, seed: 1 });
	const rest = (all: Uint32Array) => all.filter((_, i) => keep[i] === 0);
	assert.not.equal(rest(other), rest(drawn));
	model.dispose();
});

test("the frequencies of the first code are those of the logits, by class", async () => {
	const gpu = await device();
	const model = await prior(gpu, 2);
	const count = 1000;
	const labels = Uint32Array.from({ length: count }, (_, i) => i % 2);
	const codes = await sample(model, { count, labels, seed: 3 });
	const logits = gpu.scope(() =>
		model.forward(gpu.tensor(new Uint32Array(24), [2, 3, 4]), gpu.tensor(Uint32Array.of(0, 1), [2])),
	);
	const values = await logits.data();
	logits.dispose();
	for (const label of [0, 1]) {
		const weights = Array.from({ length: 9 }, (_, k) => Math.exp(values[(label * 9 + k) * positions] as number));
		const total = weights.reduce((sum, weight) => sum + weight, 0);
		for (const [k, weight] of weights.entries()) {
			const expected = weight / total;
			const share =
				codes.filter((code, i) => i % positions === 0 && labels[i / positions] === label && code === k).length /
				(count / 2);
			assert.ok(
				Math.abs(share - expected) < 5 * Math.sqrt(expected / (count / 2)),
				`${k}: ${share}, expected ${expected}`,
			);
		}
	}
	model.dispose();
});

test("wrong classes and codes are refused", async () => {
	const gpu = await device();
	const [plain, classes] = [await prior(gpu), await prior(gpu, 2)];
	const before = gpu.memory().buffers;
	assertThrows(() => samplePrior(plain, { count: 0 }), ArgumentError, ["samplePrior", "count", "0"]);
	assertThrows(() => samplePrior(plain, { count: 1, labels: [0] }), ArgumentError, ["without classes"]);
	assertThrows(() => samplePrior(classes, { count: 1 }), ArgumentError, ["2 classes"]);
	assertThrows(() => samplePrior(classes, { count: 2, labels: [0, 2] }), ArgumentError, [
		"labels[1]",
		"below 2",
		"is 2",
	]);
	assertThrows(() => samplePrior(classes, { count: 2, labels: [0] }), ShapeError, ["labels", "[2]", "[1]"]);
	assertThrows(() => samplePrior(plain, { count: 2, codes: new Uint32Array(5) }), ShapeError, ["codes", "has 5"]);
	assertThrows(() => samplePrior(plain, { count: 2, temperature: Number.NaN }), ArgumentError, ["temperature"]);
	assert.is(gpu.memory().buffers, before, "buffers alive");
	for (const model of [plain, classes]) model.dispose();
});

test.run();
