import { ArgumentError, backward, type Gpu, mul, ShapeError, sum } from "tessera-gpu";
import { CodebookQuantizer, FiniteScalarQuantizer, ResidualQuantizer } from "tessera-gpu/quantizers";
import { Trainer, VQVAE } from "tessera-gpu/vqvae";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { array, zeros } from "../reference/array.js";
import { nearestCode } from "../reference/nearest_code.js";
import { AveragedCodebook } from "../reference/quantizers.js";
import { vectorPositions, vectorsOf } from "../reference/vectors.js";
import { assertClose, assertSame, assertThrows, device, parameterOf, randomArray, tensorOf } from "../support.js";

const test = suite("residual quantizer");

test("each codebook is initialised with other codes", async () => {
	const gpu = await device();
	const quantizer = new ResidualQuantizer(gpu, { levels: 3, embeddingDim: 2, numEmbeddings: 4 });
	const codes = await gpu.readAll(quantizer.codebooks.map(({ embeddings }) => embeddings.weight));
	assert.is(new Set(codes.map(String)).size, 3);
	quantizer.dispose();
});

for (const [levels, shape, codes] of [
	[1, [2, 3, 4, 1], 5],
	[2, [3, 5, 7, 7], 17],
	[4, [1, 2, 1, 3], 3],
] as const)
	test(`${levels} levels of ${codes} codes on [${shape}]: each has the code nearest to its residual`, async () => {
		const gpu = await device();
		const [batch, dimensions, height, width] = shape;
		const quantizer = new ResidualQuantizer(gpu, { levels, embeddingDim: dimensions, numEmbeddings: codes, seed: 3 });
		const z = randomArray(new Random(9), shape, -2, 2);
		const latents = parameterOf(gpu, z);
		const c = randomArray(new Random(10), shape);

		const n = z.data.length;
		let residual = vectorsOf(z);
		const indices: number[][] = [];
		const gradient = zeros(shape);
		let loss = 0;
		for (const { embeddings } of quantizer.codebooks) {
			const book = array([codes, dimensions], await embeddings.weight.data());
			const rows = vectorsOf(book);
			const nearest = Array.from(nearestCode(array([residual.length, dimensions], residual.flat()), book));
			indices.push(nearest);
			residual = residual.map((vector, i) => vector.map((value, d) => value - rows[nearest[i]][d]));
			loss += (0.25 * residual.flat().reduce((total, value) => total + value ** 2, 0)) / n;
			for (const [i, places] of vectorPositions(shape).entries())
				for (const [d, at] of places.entries()) gradient.data[at] += (0.5 * residual[i][d]) / n;
		}
		const total = zeros(shape);
		for (const [i, places] of vectorPositions(shape).entries())
			for (const [d, at] of places.entries()) total.data[at] = z.data[at] - residual[i][d];

		const result = quantizer.quantize(latents);
		assert.equal([...result.indices.shape], [batch, height, width, levels]);
		const expected = vectorsOf(z).flatMap((_, i) => indices.map((level) => level[i]));
		assertSame(await result.indices.data(), expected, "indices");
		assertSame(await quantizer.encode(latents).data(), expected, "encode");
		assertClose(await result.quantized.data(), total.data, 1e-5, "quantized");
		assertClose(await quantizer.lookup(result.indices).data(), total.data, 1e-5, "lookup");
		assertClose(await result.loss.data(), [loss], 1e-5, "loss");
		backward(result.loss);
		assertClose(await latents.grad.data(), gradient.data, 1e-4, "gradient of the loss");
		latents.zeroGrad();
		backward(sum(mul(result.quantized, tensorOf(gpu, c))));
		assertSame(await latents.grad.data(), c.data, "straight through");

		const counts = gpu.tensor(new Uint32Array(levels * codes), [levels * codes]);
		quantizer.countCodes(result.indices, counts);
		const histogram = new Uint32Array(levels * codes);
		for (const [level, own] of indices.entries()) for (const k of own) histogram[level * codes + k] += 1;
		assertSame(await counts.data(), histogram, "counts of each level's codes");
		for (const tensor of [...Object.values(result), latents, counts]) tensor.dispose();
		quantizer.dispose();
	});

test("after k-means each further level makes the residual smaller", async () => {
	const gpu = await device();
	const z = tensorOf(gpu, randomArray(new Random(4), [50, 4, 3, 3]));
	const errors: number[] = [];
	for (const levels of [1, 2, 3]) {
		const quantizer = new ResidualQuantizer(gpu, { levels, embeddingDim: 4, numEmbeddings: 16, commitmentCost: 1 });
		quantizer.initialise("kmeans", z);
		const quantized = quantizer.lookup(quantizer.encode(z));
		const [a, b] = [await z.data(), await quantized.data()];
		errors.push(a.reduce((total, value, i) => total + (value - b[i]) ** 2, 0) / a.length);
		quantized.dispose();
		quantizer.dispose();
	}
	assert.ok(errors[1] < 0.6 * errors[0] && errors[2] < 0.6 * errors[1], errors.join(" "));
	z.dispose();
});

test("its codebooks average the residuals of the step; captured steps give the same bits", async () => {
	const gpu = await device();
	const run = async (capture: boolean) => {
		const quantizer = new ResidualQuantizer(gpu, {
			levels: 3,
			embeddingDim: 4,
			numEmbeddings: 8,
			gradient: "rotation",
		});
		const model = new VQVAE(gpu, { inChannels: 1, quantizer, seed: 1 });
		const trainer = new Trainer(model, { capture });
		for (let step = 0; step < 6; step++)
			trainer.step(() => tensorOf(gpu, randomArray(new Random(step), [5, 1, 8, 8], -0.5, 0.5)));
		const { perplexity, codesInUse } = await trainer.evaluate([
			() => tensorOf(gpu, randomArray(new Random(77), [5, 1, 8, 8], -0.5, 0.5)),
		]);
		assert.ok(perplexity > 2 && codesInUse <= 24, `${perplexity}, ${codesInUse}`);
		const values = await gpu.readAll(Object.values(model.stateDict()));
		trainer.dispose();
		model.dispose();
		return values;
	};
	const [direct, captured] = [await run(false), await run(true)];
	for (const [i, values] of direct.entries()) assertSame(captured[i], values, `tensor ${i}`);
});

test("a level averages the residuals of the codes from before the update", async () => {
	const gpu = await device();
	const [shape, levels, codes] = [[30, 2, 2, 1], 3, 4] as const;
	const quantizer = new ResidualQuantizer(gpu, {
		levels,
		embeddingDim: 2,
		numEmbeddings: codes,
		deadBelow: 0,
		decay: 0.3,
	});
	const z = randomArray(new Random(3), shape, -2, 2);
	const references = [];
	for (const { embeddings } of quantizer.codebooks)
		references.push(new AveragedCodebook(vectorsOf(array([codes, 2], await embeddings.weight.data()))));
	const latents = tensorOf(gpu, z);
	const indices = quantizer.encode(latents);
	const own = await indices.data();
	quantizer.update(latents, indices);
	let residual = vectorsOf(z);
	for (const [level, reference] of references.entries()) {
		const ofLevel = residual.map((_, i) => own[i * levels + level]);
		const next = residual.map((vector, i) => vector.map((value, d) => value - reference.codes[ofLevel[i]][d]));
		reference.step(residual, ofLevel, 0.3, 1e-5);
		residual = next;
		const { weight } = (quantizer.codebooks[level] as CodebookQuantizer).embeddings;
		assertClose(await weight.data(), reference.codes.flat(), 1e-5, `level ${level}`);
	}
	for (const part of [latents, indices, quantizer]) part.dispose();
});

for (const make of [
	(gpu: Gpu) => new CodebookQuantizer(gpu),
	(gpu: Gpu) => new ResidualQuantizer(gpu, { levels: 3 }),
	(gpu: Gpu) => new FiniteScalarQuantizer(gpu, [8, 5, 2]),
])
	test("a model frees all that its quantizer holds", async () => {
		const gpu = await device();
		const { buffers } = gpu.memory();
		const model = new VQVAE(gpu, { inChannels: 1, quantizer: make(gpu) });
		model.dispose();
		assert.is(gpu.memory().buffers, buffers, model.vqLayer.constructor.name);
	});

test("wrong shapes and options are refused", async () => {
	const gpu = await device();
	assertThrows(() => new ResidualQuantizer(gpu, { levels: 0 }), ArgumentError, ["levels"]);
	const quantizer = new ResidualQuantizer(gpu, { levels: 2, embeddingDim: 2, numEmbeddings: 3 });
	gpu.scope(() => {
		const flat = gpu.tensor(Uint32Array.of(1, 2), [1, 1, 2]);
		assertThrows(() => quantizer.lookup(flat), ShapeError, [[1, 1, 2], "2"]);
	});
	quantizer.dispose();
});

test.run();
