import { ArgumentError, backward, type Gpu, mul, StateDictError, sum, type Tensor } from "tessera-gpu";
import { type CodebookOptions, CodebookQuantizer, initialiseCodebook } from "tessera-gpu/quantizers";
import { Trainer, VectorQuantizer, VQVAE } from "tessera-gpu/vqvae";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { array } from "../reference/array.js";
import { finiteDifference } from "../reference/finite_difference.js";
import { nearestCode } from "../reference/nearest_code.js";
import { AveragedCodebook } from "../reference/quantizers.js";
import { dotOf, fromVectors, unit, vectorsOf } from "../reference/vectors.js";
import { assertClose, assertSame, assertThrows, device, parameterOf, randomArray, tensorOf } from "../support.js";

const test = suite("codebook quantizer");

/** Calls `body` with a quantizer, which it then frees. */
async function withQuantizer(
	options: CodebookOptions,
	body: (quantizer: CodebookQuantizer, gpu: Gpu) => Promise<void>,
): Promise<void> {
	const gpu = await device();
	const quantizer = new CodebookQuantizer(gpu, options);
	await body(quantizer, gpu);
	quantizer.dispose();
}

async function rowsOf(tensor: Tensor): Promise<number[][]> {
	const values = await tensor.data();
	const [rows, columns] = tensor.shape;
	return Array.from({ length: rows }, (_, k) => Array.from(values.subarray(k * columns, (k + 1) * columns)));
}

function uploaded(gpu: Gpu, shape: readonly number[], seed: number, low = -1, high = 1) {
	const latents = randomArray(new Random(seed), shape, low, high);
	return { latents, vectors: vectorsOf(latents), z: tensorOf(gpu, latents) };
}

for (const [shape, codes, epsilon] of [
	[[3, 4, 5, 3], 7, 1e-5],
	[[3, 4, 5, 3], 7, 2],
	[[1, 1, 1, 1], 1, 1e-5],
	[[40, 5, 7, 7], 67, 1e-5],
] as const)
	test(`moving averages of z [${shape}] with ${codes} codes and ε ${epsilon} follow the formula over 5 steps`, () =>
		withQuantizer(
			{ embeddingDim: shape[1], numEmbeddings: codes, deadBelow: 0, decay: 0.9, epsilon },
			async (quantizer, gpu) => {
				const reference = new AveragedCodebook(await rowsOf(quantizer.embeddings.weight));
				for (let step = 0; step < 5; step++) {
					const { z, vectors } = uploaded(gpu, shape, 50 + step);
					const before = reference.codes.map((code) => [...code]);
					const { quantized, indices, loss } = quantizer.quantize(z);
					const own = await indices.data();
					quantizer.update(z, indices);
					reference.step(vectors, own, 0.9, epsilon);
					const title = `step ${step}`;
					// What was quantised before the update has the codes from before the update.
					const taken = fromVectors(
						shape,
						vectors.map((_, n) => before[own[n]]),
					);
					assertClose(await quantized.data(), taken.data, 1e-5, `${title}: quantized`);
					const error = vectors.reduce(
						(total, vector, n) => total + vector.reduce((sum, value, d) => sum + (value - before[own[n]][d]) ** 2, 0),
						0,
					);
					// The codes are moved by their averages, so only the commitment loss is left.
					assertClose(await loss.data(), [(0.25 * error) / taken.data.length], 1e-5, `${title}: loss`);
					assertClose(await quantizer.clusterSize.data(), reference.sizes, 1e-5, `${title}: cluster sizes`);
					assertClose(await quantizer.embeddingSum.data(), reference.sums.flat(), 1e-5, `${title}: sums`);
					assertClose(await quantizer.embeddings.weight.data(), reference.codes.flat(), 1e-5, `${title}: codes`);
					for (const tensor of [z, quantized, indices, loss]) tensor.dispose();
				}
			},
		));

test("an averaged code without latents does not move, and gets no gradient", () =>
	withQuantizer({ embeddingDim: 2, numEmbeddings: 3, deadBelow: 0, decay: 0.99 }, async (quantizer, gpu) => {
		const start = gpu.tensor([0, 0, 1, 1, 50, -50], [3, 2]);
		quantizer.setCodes(start);
		const z = gpu.parameter([0.1, 0, 0, 0.1, 1, 0.9, 1.1, 1], [4, 2, 1, 1]);
		for (let step = 0; step < 100; step++)
			gpu.scope(() => {
				const { loss, indices } = quantizer.quantize(z);
				backward(loss);
				quantizer.update(z, indices);
			});
		assert.is(quantizer.embeddings.weight.hasGrad, false);
		const [, , unused] = await rowsOf(quantizer.embeddings.weight);
		assertClose(unused as number[], [50, -50], 1e-3, "the unused code");
		for (const tensor of [start, z]) tensor.dispose();
	}));

test("dead codes are re-initialised from latents of the step, and stay there", () =>
	withQuantizer({ embeddingDim: 3, numEmbeddings: 8, deadBelow: 0.5, decay: 0.5, seed: 4 }, async (quantizer, gpu) => {
		const { z, vectors } = uploaded(gpu, [16, 3, 2, 1], 7, 0, 1);
		// Two codes share all latents, the others are out of reach.
		const codes = Float32Array.from({ length: 24 }, (_, i) => (i < 6 ? i / 6 : 1000 + i));
		const start = gpu.tensor(codes, [8, 3]);
		quantizer.setCodes(start);
		// Half the mean of the averages: their sum is halfway between 1 for each code and 32 in all.
		const threshold = (0.5 * (0.5 * 8 + 0.5 * 32)) / 8;
		const once = () =>
			gpu.scope(() => {
				quantizer.update(z, quantizer.encode(z));
			});
		once(); // 1 → 0.5, under the threshold of 1.25
		const revived = await rowsOf(quantizer.embeddings.weight);
		const sizes = await quantizer.clusterSize.data();
		const sums = await rowsOf(quantizer.embeddingSum);
		const from = new Set<number>();
		for (let k = 2; k < 8; k++) {
			const place = vectors.findIndex((vector) => vector.every((value, d) => value === (revived[k] as number[])[d]));
			assert.ok(place >= 0, `code ${k} is one of the latents`);
			from.add(place);
			assert.is(sizes[k], threshold, `the size of code ${k}`);
			assertClose(
				sums[k] as number[],
				(revived[k] as number[]).map((value) => threshold * value),
				1e-6,
				`sum ${k}`,
			);
		}
		assert.ok(from.size > 3, "they are put on different latents");
		// The next update averages around the new code, not the old one.
		const far = gpu.tensor(new Float32Array(16 * 3 * 2).fill(-9), [16, 3, 2, 1]);
		gpu.scope(() => quantizer.update(far, gpu.tensor(new Uint32Array(32), [16, 2, 1])));
		const after = await rowsOf(quantizer.embeddings.weight);
		for (let k = 2; k < 8; k++)
			assertClose(after[k] as number[], [-9, -9, -9], 1e-6, `code ${k} is dead again, and renewed`);
		for (const tensor of [z, start, far]) tensor.dispose();
	}));

test("a code exactly at the threshold is not dead, one below it is", () =>
	withQuantizer(
		{ embeddingDim: 1, numEmbeddings: 4, deadBelow: 0.5, decay: 0.5, epsilon: 0 },
		async (quantizer, gpu) => {
			// 16 latents, of which the codes get 2, 10, 2 and 2: the averages are 2, 10, 2.5 and 1.5, and half their mean is 2.
			const counts = [2, 10, 2, 2];
			const z = gpu.tensor(
				Float32Array.from({ length: 16 }, (_, i) => i + 1),
				[16, 1, 1, 1],
			);
			const indices = gpu.tensor(
				Uint32Array.from(counts.flatMap((count, k) => new Array<number>(count).fill(k))),
				[16, 1, 1],
			);
			gpu.upload(quantizer.clusterSize, [2, 10, 3, 1]);
			gpu.upload(quantizer.embeddingSum, [997, 0, 0, 0]);
			quantizer.update(z, indices);
			assert.equal([...(await quantizer.clusterSize.data())], [2, 10, 2.5, 2]);
			const codes = await quantizer.embeddings.weight.data();
			assert.is(codes[0], (997 + 1 + 2) / 2 / 2, "its average");
			assert.ok(Number.isInteger(codes[3]) && codes[3] >= 1 && codes[3] <= 16, `${codes[3]} is a latent`);
			for (const tensor of [z, indices]) tensor.dispose();
		},
	));

test("a re-initialised code above the threshold is not undone by the next update", () =>
	withQuantizer({ embeddingDim: 2, numEmbeddings: 4, deadBelow: 0.1, decay: 0.99 }, async (quantizer, gpu) => {
		const start = gpu.tensor([0, 0, 900, 900, 800, 900, 900, 800], [4, 2]);
		quantizer.setCodes(start);
		gpu.scope(() => gpu.upload(quantizer.clusterSize, [10, 0.01, 0.01, 0.01]));
		const { z, vectors } = uploaded(gpu, [40, 2, 1, 1], 3);
		gpu.scope(() => quantizer.update(z, quantizer.encode(z)));
		const renewed = await rowsOf(quantizer.embeddings.weight);
		// From the next step on it has latents: those nearest to it.
		gpu.scope(() => quantizer.update(z, quantizer.encode(z)));
		const after = await rowsOf(quantizer.embeddings.weight);
		for (let k = 1; k < 4; k++)
			assert.ok(
				Math.hypot(...(after[k] as number[]).map((value, d) => value - (renewed[k] as number[])[d])) < 0.2,
				`code ${k} went from ${renewed[k]} to ${after[k]}`,
			);
		assert.ok(vectors.length === 40);
		for (const tensor of [start, z]) tensor.dispose();
	}));

test("codes that are used in the first step are not dead, for any number of latents", () =>
	withQuantizer({ embeddingDim: 2, numEmbeddings: 4, deadBelow: 0.5, decay: 0.99 }, async (quantizer, gpu) => {
		const start = gpu.tensor([1, 1, 1, -1, -1, 1, -1, -1], [4, 2]);
		quantizer.setCodes(start);
		const { z } = uploaded(gpu, [500, 2, 1, 1], 3);
		gpu.scope(() => quantizer.update(z, quantizer.encode(z)));
		for (const [k, code] of (await rowsOf(quantizer.embeddings.weight)).entries())
			assert.equal(code.map(Math.sign), [k < 2 ? 1 : -1, k % 2 === 0 ? 1 : -1], `code ${k} is where it was`);
		for (const tensor of [start, z]) tensor.dispose();
	}));

test("which latents replace dead codes depends only on the seed and on the step", async () => {
	const gpu = await device();
	const { z } = uploaded(gpu, [64, 2, 1, 1], 11);
	const run = async (seed: number, steps: number) => {
		const quantizer = new CodebookQuantizer(gpu, { embeddingDim: 2, numEmbeddings: 4, deadBelow: 0.9, seed });
		const start = gpu.tensor([100, 0, 200, 0, 300, 0, 400, 0], [4, 2]);
		quantizer.setCodes(start);
		for (let step = 0; step < steps; step++) {
			quantizer.setCodes(start);
			gpu.scope(() => quantizer.update(z, quantizer.encode(z)));
		}
		const codes = [...(await quantizer.embeddings.weight.data())];
		start.dispose();
		quantizer.dispose();
		return codes.join(" ");
	};
	assert.is(await run(1, 1), await run(1, 1));
	assert.is.not(await run(1, 1), await run(2, 1));
	assert.is.not(await run(1, 1), await run(1, 2));
	z.dispose();
});

test("with cosine similarity lengths do not matter, and codes have length 1", () =>
	withQuantizer({ embeddingDim: 5, numEmbeddings: 11, similarity: "cosine", deadBelow: 0 }, async (quantizer, gpu) => {
		const { z, latents, vectors } = uploaded(gpu, [13, 5, 3, 2], 5);
		const longer = tensorOf(
			gpu,
			fromVectors(
				latents.shape,
				vectors.map((vector, n) => vector.map((value) => value * (n + 1))),
			),
		);
		const { quantized, indices } = quantizer.quantize(z);
		const own = await indices.data();
		assertSame(await quantizer.encode(longer).data(), own, "indices of longer latents");
		const codes = await rowsOf(quantizer.embeddings.weight);
		for (const [n, vector] of vectors.entries()) {
			const best = Math.max(...codes.map((code) => dotOf(unit(code), unit(vector))));
			assert.ok(dotOf(unit(codes[own[n]] as number[]), unit(vector)) > best - 1e-5, `latent ${n}`);
		}
		assertSame(await quantizer.lookup(indices).data(), await quantized.data(), "lookup");
		gpu.scope(() => quantizer.update(z, indices));
		for (const code of await rowsOf(quantizer.embeddings.weight))
			assertClose([Math.hypot(...code)], [1], 1e-6, "length");
		for (const tensor of [z, longer, quantized, indices]) tensor.dispose();
	}));

test("with cosine similarity the loss's gradients reach latents and codes through their lengths", async () => {
	const gpu = await device();
	const random = new Random(8);
	const z = randomArray(random, [3, 4, 2, 2]);
	const codes = randomArray(random, [6, 4]);
	const quantizer = new CodebookQuantizer(gpu, {
		embeddingDim: 4,
		numEmbeddings: 6,
		similarity: "cosine",
		learning: "loss",
	});
	gpu.scope(() => gpu.copy(tensorOf(gpu, codes), quantizer.embeddings.weight));
	const latents = parameterOf(gpu, z);
	gpu.scope(() => backward(quantizer.quantize(latents).loss));
	const wide = (vectors: number[][]) => vectors.map(unit);
	const indices = [...vectorsOf(z).entries()].map(([, vector]) => {
		const scores = wide(vectorsOf(codes)).map((code) => dotOf(code, unit(vector)));
		return scores.indexOf(Math.max(...scores));
	});
	const distance = (a: number[][], b: number[][]) =>
		a.reduce((total, x, n) => total + x.reduce((sum, value, d) => sum + (value - b[n][d]) ** 2, 0), 0) / z.data.length;
	const fixedCodes = indices.map((k) => wide(vectorsOf(codes))[k]);
	const fixedLatents = wide(vectorsOf(z));
	const byLatents = finiteDifference((x) => 0.25 * distance(wide(vectorsOf(x)), fixedCodes), z);
	const byCodes = finiteDifference((e) => {
		const rows = wide(vectorsOf(e));
		return distance(
			indices.map((k) => rows[k]),
			fixedLatents,
		);
	}, codes);
	assertClose(await latents.grad.data(), byLatents.data, 1e-4, "latents");
	assertClose(await quantizer.embeddings.weight.grad.data(), byCodes.data, 1e-4, "codes");
	latents.dispose();
	quantizer.dispose();
});

test("the rotation trick changes only the gradient", async () => {
	const gpu = await device();
	const z = randomArray(new Random(6), [2, 3, 4, 4]);
	const c = randomArray(new Random(7), [2, 3, 4, 4]);
	const run = async (gradient: "straight-through" | "rotation") => {
		const quantizer = new CodebookQuantizer(gpu, { embeddingDim: 3, numEmbeddings: 5, gradient, commitmentCost: 0 });
		const latents = parameterOf(gpu, z);
		const value = gpu.scope(() => {
			const { quantized } = quantizer.quantize(latents);
			backward(sum(mul(quantized, tensorOf(gpu, c))));
			return quantized;
		});
		const result = { value: await value.data(), gradient: await latents.grad.data() };
		for (const tensor of [value, latents, quantizer]) tensor.dispose();
		return result;
	};
	const [straight, turned] = [await run("straight-through"), await run("rotation")];
	assertSame(turned.value, straight.value, "value");
	assertSame(straight.gradient, c.data, "straight-through");
	assert.throws(() => assertClose(turned.gradient, c.data, 0.1, ""), "the gradient is turned");
});

test("learnt by the loss, from the same codes, it is the paper's quantizer to the bit", async () => {
	const gpu = await device();
	const paper = new VQVAE(gpu, { inChannels: 1, embeddingDim: 4, numEmbeddings: 9, seed: 3 });
	const quantizer = new CodebookQuantizer(gpu, { embeddingDim: 4, numEmbeddings: 9, learning: "loss", deadBelow: 0 });
	quantizer.setCodes(paper.vqLayer.embeddings.weight);
	const other = new VQVAE(gpu, { inChannels: 1, quantizer, seed: 3 });
	assert.instance(paper.vqLayer, VectorQuantizer);
	for (const part of ["encoder", "decoder"] as const) other[part].loadStateDict(paper[part].stateDict());
	const images = tensorOf(gpu, randomArray(new Random(1), [5, 1, 8, 8], -0.5, 0.5));
	const trainers = [new Trainer(paper), new Trainer(other)] as const;
	for (let step = 0; step < 4; step++) {
		const [a, b] = await gpu.readAll(trainers.map((trainer) => trainer.step(images).loss));
		assertSame(b, a, `loss of step ${step}`);
	}
	assertSame(await quantizer.embeddings.weight.data(), await paper.vqLayer.embeddings.weight.data(), "codes");
	for (const part of [...trainers, paper, other, images]) part.dispose();
});

test("captured steps give the same bits as eager steps, with re-initialised codes too", async () => {
	const gpu = await device();
	const run = async (capture: boolean) => {
		const quantizer = new CodebookQuantizer(gpu, { embeddingDim: 4, numEmbeddings: 24, deadBelow: 0.5, seed: 2 });
		const model = new VQVAE(gpu, { inChannels: 1, quantizer, seed: 1 });
		const trainer = new Trainer(model, { capture });
		for (let step = 0; step < 7; step++)
			trainer.step(() => tensorOf(gpu, randomArray(new Random(step), [6, 1, 8, 8], -0.5, 0.5)));
		const values = await gpu.readAll(Object.values(model.stateDict()));
		const names = Object.keys(model.stateDict());
		trainer.dispose();
		model.dispose();
		return { names, values };
	};
	const [direct, captured] = [await run(false), await run(true)];
	for (const [i, name] of direct.names.entries()) assertSame(captured.values[i], direct.values[i], name);
});

test("evaluation does not change the codebook; training does", async () => {
	const gpu = await device();
	const quantizer = new CodebookQuantizer(gpu, { embeddingDim: 4, numEmbeddings: 8 });
	const model = new VQVAE(gpu, { inChannels: 1, quantizer });
	const trainer = new Trainer(model);
	const images = tensorOf(gpu, randomArray(new Random(1), [3, 1, 8, 8], -0.5, 0.5));
	const read = () => gpu.readAll([quantizer.embeddings.weight, quantizer.clusterSize, quantizer.embeddingSum]);
	const before = await read();
	await trainer.evaluate([() => images.share()]);
	gpu.scope(() => model.forward(images));
	const evaluated = await read();
	for (const [i, values] of before.entries()) assertSame(evaluated[i], values, "after evaluation");
	trainer.step(images);
	assert.not.equal([...(await read())[0]], [...before[0]]);
	for (const part of [trainer, model, images]) part.dispose();
});

test("k-means follows Lloyd's algorithm from its initial latents", async () => {
	const gpu = await device();
	const { z, vectors } = uploaded(gpu, [60, 3, 2, 2], 12);
	const quantizer = new CodebookQuantizer(gpu, { embeddingDim: 3, numEmbeddings: 9 });
	initialiseCodebook(quantizer, "data", z, { seed: 5 });
	let codes = await rowsOf(quantizer.embeddings.weight);
	for (const code of codes) assert.ok(vectors.some((vector) => vector.every((value, d) => value === code[d])));
	assert.is(new Set(codes.map((code) => code.join())).size, 9, "each latent at most once");
	let last = Number.POSITIVE_INFINITY;
	for (let iteration = 0; iteration < 4; iteration++) {
		const nearest = nearestCode(array([vectors.length, 3], vectors.flat()), array([9, 3], codes.flat()));
		const error = vectors.reduce(
			(total, vector, n) => total + vector.reduce((sum, value, d) => sum + (value - codes[nearest[n]][d]) ** 2, 0),
			0,
		);
		assert.ok(error < last, `iteration ${iteration}: ${error} after ${last}`);
		last = error;
		const means = codes.map((_, k) => {
			const own = vectors.filter((_, n) => nearest[n] === k);
			assert.ok(own.length > 0, "no cluster of this example is empty");
			return [0, 1, 2].map((d) => own.reduce((sum, vector) => sum + vector[d], 0) / own.length);
		});
		quantizer.moveToMeans(z);
		codes = await rowsOf(quantizer.embeddings.weight);
		assertClose(codes.flat(), means.flat(), 1e-5, `codes after iteration ${iteration}`);
		const sizes = codes.map((_, k) => Array.from(nearest).filter((index) => index === k).length);
		assertSame(await quantizer.clusterSize.data(), sizes, "cluster sizes");
	}
	const whole = new CodebookQuantizer(gpu, { embeddingDim: 3, numEmbeddings: 9, learning: "loss" });
	initialiseCodebook(whole, "kmeans", z, { seed: 5, iterations: 4 });
	assertClose(await whole.embeddings.weight.data(), codes.flat(), 1e-5, "the whole of it");
	for (const part of [z, quantizer, whole]) part.dispose();
});

test("k-means leaves no code without latents", async () => {
	const gpu = await device();
	const { z, vectors } = uploaded(gpu, [200, 2, 1, 1], 2);
	const quantizer = new CodebookQuantizer(gpu, { embeddingDim: 2, numEmbeddings: 16 });
	const start = gpu.tensor(
		Float32Array.from({ length: 32 }, (_, i) => (i < 2 ? 0 : 100 + i)),
		[16, 2],
	);
	quantizer.setCodes(start);
	for (let i = 0; i < 8; i++) quantizer.moveToMeans(z);
	const used = new Set(await quantizer.encode(z).data());
	assert.is(used.size, 16);
	assert.is(vectors.length, 200);
	for (const part of [z, quantizer, start]) part.dispose();
});

test("data takes random latents, which depend on the seed", async () => {
	const gpu = await device();
	const z = gpu.tensor(
		Float32Array.from({ length: 500 }, (_, i) => i),
		[500, 1, 1, 1],
	);
	const quantizer = new CodebookQuantizer(gpu, { embeddingDim: 1, numEmbeddings: 8 });
	const drawn: number[][] = [];
	for (const seed of [1, 2, 3]) {
		initialiseCodebook(quantizer, "data", z, { seed });
		drawn.push([...(await quantizer.embeddings.weight.data())]);
	}
	assert.is(new Set(drawn.flat()).size > 16, true, drawn.join(" "));
	for (const codes of drawn) assert.ok(Math.max(...codes) > 250 && Math.min(...codes) < 250, codes.join());
	for (const part of [z, quantizer]) part.dispose();
});

test("codes drawn from N(0, 1) and U(±1/K)", async () => {
	const gpu = await device();
	const quantizer = new CodebookQuantizer(gpu, { embeddingDim: 16, numEmbeddings: 128 });
	const { z } = uploaded(gpu, [1, 16, 1, 1], 1);
	const read = async (method: "normal" | "uniform", seed: number) => {
		initialiseCodebook(quantizer, method, undefined, { seed });
		return quantizer.embeddings.weight.data();
	};
	const variance = (values: Float32Array) => values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
	const normal = await read("normal", 1);
	assert.ok(Math.abs(variance(normal) - 1) < 0.1);
	assertSame(await quantizer.embeddingSum.data(), normal, "the averages begin there, too");
	const uniform = await read("uniform", 1);
	assert.ok(Math.max(...uniform.map(Math.abs)) <= 1 / 128);
	assert.ok(Math.abs(variance(uniform) * 3 * 128 ** 2 - 1) < 0.1);
	assert.not.equal([...(await read("uniform", 2))], [...uniform]);
	assertThrows(() => initialiseCodebook(quantizer, "zeros" as never, z), ArgumentError, ["zeros", "kmeans"]);
	for (const method of ["data", "kmeans"] as const)
		assertThrows(() => initialiseCodebook(quantizer, method), ArgumentError, [method, "latents"]);
	for (const part of [z, quantizer]) part.dispose();
});

test("the state dict has the averages, and loading it restores them", async () => {
	const gpu = await device();
	const make = (seed: number) =>
		new VQVAE(gpu, {
			inChannels: 1,
			quantizer: new CodebookQuantizer(gpu, { embeddingDim: 2, numEmbeddings: 3, seed }),
		});
	const [a, b] = [make(1), make(2)];
	assert.equal(
		Object.keys(a.stateDict()).filter((name) => name.startsWith("vq_layer")),
		["vq_layer.embeddings.weight", "vq_layer.cluster_size", "vq_layer.embedding_sum"],
	);
	b.loadStateDict(a.stateDict());
	assertSame(await b.vqLayer.embeddings.weight.data(), await a.vqLayer.embeddings.weight.data(), "codes");
	for (const model of [a, b]) model.dispose();
});

test("learnt by gradient alone, the state dict is that of the paper's quantizer", async () => {
	const gpu = await device();
	const options: CodebookOptions = { embeddingDim: 2, numEmbeddings: 3, learning: "loss", deadBelow: 0, seed: 1 };
	const learnt = new CodebookQuantizer(gpu, options);
	const paper = new VectorQuantizer(gpu, { embeddingDim: 2, numEmbeddings: 3 });
	paper.loadStateDict(learnt.stateDict());
	assertSame(await paper.embeddings.weight.data(), await learnt.embeddings.weight.data(), "codes");
	for (const other of [{ deadBelow: 0.1 }, { similarity: "cosine" }] as const) {
		const quantizer = new CodebookQuantizer(gpu, { ...options, ...other });
		assertThrows(() => paper.loadStateDict(quantizer.stateDict()), StateDictError, ["cluster_size"]);
		quantizer.dispose();
	}
	for (const quantizer of [learnt, paper]) quantizer.dispose();
});

test("options out of range are refused", async () => {
	const gpu = await device();
	const refused: [CodebookOptions, string][] = [
		[{ numEmbeddings: 0 }, "numEmbeddings"],
		[{ embeddingDim: 1.5 }, "embeddingDim"],
		[{ decay: 1 }, "decay"],
		[{ deadBelow: -0.1 }, "deadBelow"],
		[{ commitmentCost: Number.NaN }, "commitmentCost"],
		[{ epsilon: -1 }, "epsilon"],
		[{ learning: "hope" as never }, "learning"],
		[{ similarity: "dot" as never }, "similarity"],
		[{ gradient: "none" as never }, "gradient"],
	];
	for (const [options, name] of refused) assertThrows(() => new CodebookQuantizer(gpu, options), ArgumentError, [name]);
	const quantizer = new CodebookQuantizer(gpu, { embeddingDim: 2, numEmbeddings: 3 });
	assertThrows(() => new VQVAE(gpu, { quantizer, numEmbeddings: 3 }), ArgumentError, ["numEmbeddings"]);
	quantizer.dispose();
});

test.run();
