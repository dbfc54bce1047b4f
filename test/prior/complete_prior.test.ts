import { ArgumentError, type Gpu, noGrad, ShapeError } from "tessera-gpu";
import { completePrior, GatedPixelCNN, samplePrior } from "tessera-gpu/prior";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { logProbability } from "../reference/sample_codes.js";
import { device } from "../support.js";

const test = suite("completePrior");

/** K codes on a grid of [2, 2], with weights larger than the initial ones. */
async function prior(gpu: Gpu, numEmbeddings: number, numClasses = 0): Promise<GatedPixelCNN> {
	const options = { numEmbeddings, height: 2, width: 2, channels: 8, layers: 2, numClasses, seed: 6 };
	const model = new GatedPixelCNN(gpu, options);
	for (const [name, parameter] of model.namedParameters())
		gpu.upload(
			parameter,
			(await parameter.data()).map((value) => value * (name.endsWith("classes") ? 10 : 2)),
		);
	return model;
}

/** The log-probabilities of all grids of 3 codes, by class. */
async function allGrids(model: GatedPixelCNN, label: number | undefined) {
	const { gpu } = model;
	const grids = Array.from({ length: 81 }, (_, i) => [27, 9, 3, 1].map((digit) => Math.floor(i / digit) % 3));
	const logits = gpu.scope(() =>
		noGrad(() =>
			model.forward(
				gpu.tensor(Uint32Array.from(grids.flat()), [81, 2, 2]),
				label === undefined ? undefined : gpu.tensor(new Uint32Array(81).fill(label), [81]),
			),
		),
	);
	const values = await logits.data();
	logits.dispose();
	return grids.map((grid, i) => ({
		grid,
		log: grid.reduce(
			(sum, code, p) =>
				sum +
				logProbability(
					[0, 1, 2].map((k) => values[(i * 3 + k) * 4 + p] as number),
					code,
				),
			0,
		),
	}));
}

for (const { keep, label, numClasses } of [
	{ keep: [0, 0, 0, 1], numClasses: 0 },
	{ keep: [0, 1, 0, 0], numClasses: 0 },
	{ keep: [1, 0, 1, 0], numClasses: 2, label: 1 },
	{ keep: [0, 0, 1, 0], numClasses: 2 },
	{ keep: [1, 0, 0, 0], numClasses: 3 },
])
	test(`draws from the distribution given the kept codes ${keep}, ${label ?? "any"} of ${numClasses} classes`, async () => {
		const gpu = await device();
		const model = await prior(gpu, 3, numClasses);
		const classes = numClasses === 0 ? [undefined] : label === undefined ? [...new Array(numClasses).keys()] : [label];
		const expected = new Map<string, number>();
		const codes = [2, 0, 1, 2];
		for (const each of classes)
			for (const { grid, log } of await allGrids(model, each))
				if (grid.every((code, p) => keep[p] === 0 || code === codes[p]))
					expected.set(grid.join(), (expected.get(grid.join()) ?? 0) + Math.exp(log));
		const total = [...expected.values()].reduce((sum, value) => sum + value, 0);
		const count = 600;
		const drawn = await completePrior(model, { codes, keep, count, label, particles: 16, seed: 3 });
		const counts = new Map<string, number>();
		for (let i = 0; i < count; i++) {
			const grid = drawn.slice(4 * i, 4 * i + 4).join();
			counts.set(grid, (counts.get(grid) ?? 0) + 1);
		}
		for (const grid of counts.keys()) assert.ok(expected.has(grid), `${grid} keeps what is kept`);
		for (const [grid, value] of expected) {
			const [share, exact] = [(counts.get(grid) ?? 0) / count, value / total];
			const deviation = Math.sqrt((exact * (1 - exact)) / count);
			assert.ok(Math.abs(share - exact) < 5 * deviation + 0.015, `${grid}: ${share}, expected ${exact}`);
		}
		// If the kept codes were ignored, the test would fail.
		const plain = samplePrior(model, {
			count,
			seed: 3,
			labels: numClasses === 0 ? undefined : Uint32Array.from({ length: count }, (_, i) => label ?? i % numClasses),
			codes: Uint32Array.from({ length: 4 * count }, (_, i) => codes[i % 4] as number),
			keep: Uint32Array.from({ length: 4 * count }, (_, i) => keep[i % 4] as number),
		});
		const blind = await plain.data();
		plain.dispose();
		const distance = [...expected].reduce((sum, [grid, value]) => {
			let same = 0;
			for (let i = 0; i < count; i++) if (blind.slice(4 * i, 4 * i + 4).join() === grid) same++;
			return sum + Math.abs(same / count - value / total);
		}, 0);
		const keptLater = keep.lastIndexOf(1) > keep.indexOf(0) || (numClasses > 0 && label === undefined);
		if (keptLater) assert.ok(distance > 0.1, `${distance}`);
		model.dispose();
	});

/** A prior of two codes and two channels with one layer, all of whose weights are 0 but these. */
function priorOf(gpu: Gpu, numClasses: number, weights: Readonly<Record<string, readonly number[]>>): GatedPixelCNN {
	const options = { numEmbeddings: 2, height: 3, width: 2, channels: 2, layers: 1, numClasses };
	const model = new GatedPixelCNN(gpu, options);
	// The head returns the two channels as logits.
	const all: typeof weights = {
		"layers.0.horizontal_out.weight": [1, 0, 0, 1],
		"head.1.weight": [1, 0, 0, 1, ...new Array<number>(12).fill(0)],
		...weights,
	};
	for (const [name, parameter] of model.namedParameters())
		gpu.upload(parameter, all[name] ?? new Float32Array(parameter.size));
	return model;
}

/** The head's last weights: the logits are the channels times this factor. */
const logits = (times: number) => [times, ...new Array<number>(8).fill(0), times, ...new Array<number>(6).fill(0)];

/** A prior whose codes are almost certainly the class of the grid. */
function classPrior(gpu: Gpu): GatedPixelCNN {
	const classes = [20, -20, 20, 20, -20, 20, 20, 20];
	return priorOf(gpu, 2, { "layers.0.horizontal_classes": classes, "head.3.weight": logits(30) });
}

for (const keep of [
	[1, 0, 0, 0, 0, 0],
	[0, 0, 0, 0, 0, 1],
	[0, 1, 0, 0, 1, 0],
])
	test(`a particle keeps its class, and its weight depends on it, with ${keep} kept`, async () => {
		const gpu = await device();
		const model = classPrior(gpu);
		for (const code of [0, 1]) {
			const codes = new Array<number>(6).fill(code);
			const drawn = await completePrior(model, { codes, keep, count: 20, particles: 5 });
			assert.equal([...new Set(drawn)], [code]);
		}
		model.dispose();
	});

test("the class of a single grid depends on the seed", async () => {
	const gpu = await device();
	const model = classPrior(gpu);
	const grid = new Array<number>(6).fill(0);
	const classes = new Set<number>();
	for (let seed = 0; seed < 12; seed++)
		classes.add((await completePrior(model, { codes: grid, keep: grid, count: 1, seed }))[0]);
	assert.is(classes.size, 2);
	model.dispose();
});

test("a kept code is weighted once, for any number of rows after it", async () => {
	const gpu = await device();
	// At the left 0 and 1 are equally likely; at the right the left neighbour's code has probability 0.8.
	const model = priorOf(gpu, 0, {
		"embedding.weight": [1, -1, -1, 1],
		"layers.0.horizontal_conv.weight": [20, 0, 0, 20, 0, 0, 0, 0],
		"head.3.weight": logits(2 * Math.log(4)),
	});
	const count = 500;
	const codes = [0, 0, 0, 1, 0, 0];
	const drawn = await completePrior(model, { codes, keep: [0, 1, 0, 1, 1, 0], count, particles: 8 });
	const share = (at: number) => drawn.filter((code, i) => i % 6 === at && code === 0).length / count;
	for (const [at, expected] of [
		[0, 0.8],
		[2, 0.2],
		[5, 0.8],
	] as const)
		assert.ok(Math.abs(share(at) - expected) < 0.07, `position ${at}: ${share(at)}, expected ${expected}`);
	model.dispose();
});

test("the same seed gives the same codes, and all buffers are freed", async () => {
	const gpu = await device();
	const model = await prior(gpu, 9);
	const options = { codes: [1, 2, 3, 4], keep: [0, 0, 1, 0], count: 5, particles: 8 };
	const first = await completePrior(model, { ...options, seed: 1 });
	const before = gpu.memory().buffers;
	assert.equal(await completePrior(model, { ...options, seed: 1 }), first);
	assert.not.equal(await completePrior(model, { ...options, seed: 2 }), first);
	assert.is(gpu.memory().buffers, before);
	assert.equal(
		await completePrior(model, { ...options, keep: [1, 1, 1, 1] }),
		Uint32Array.from({ length: 20 }, (_, i) => (i % 4) + 1),
	);
	model.dispose();
});

test("wrong options are refused", async () => {
	const gpu = await device();
	const model = await prior(gpu, 3, 2);
	const good = { codes: [0, 0, 0, 0], keep: [0, 0, 1, 0], count: 2 };
	for (const [bad, kind] of [
		[{ count: 0 }, ArgumentError],
		[{ particles: 0 }, ArgumentError],
		[{ label: 2 }, ArgumentError],
		[{ temperature: -1 }, ArgumentError],
		[{ codes: [0, 0, 3, 0] }, ArgumentError],
		[{ codes: [0, 0] }, ShapeError],
		[{ keep: [0, 0, 0, 0, 0] }, ShapeError],
	] as const) {
		let thrown: unknown;
		await completePrior(model, { ...good, ...bad }).catch((error: unknown) => {
			thrown = error;
		});
		assert.instance(thrown, kind, JSON.stringify(bad));
	}
	const without = await prior(gpu, 3, 0);
	let thrown: unknown;
	await completePrior(without, { ...good, label: 0 }).catch((error: unknown) => {
		thrown = error;
	});
	assert.instance(thrown, ArgumentError, "a class of a prior that has none");
	without.dispose();
	model.dispose();
});

test.run();
