import { ShapeError } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../../src/base/random.js";
import { finiteScalar, finiteScalarLookup } from "../../../src/ops/codes/finite_scalar.js";
import * as reference from "../../reference/quantizers.js";
import { fromVectors, vectorsOf } from "../../reference/vectors.js";
import {
	assertClose,
	assertSame,
	assertThrows,
	checkOp,
	checkStepMemory,
	device,
	randomArray,
	tensorOf,
} from "../../support.js";

const test = suite("finite scalar quantization");

/** Numbers that are not so near to the border between two levels that float32 could round to the other one. */
function draw(shape: readonly number[], levels: readonly number[], seed: number) {
	const random = new Random(seed);
	const clear = (value: number, d: number) => {
		const { bounded } = reference.boundedScalar(value, levels[d]);
		return Math.abs(Math.abs(bounded - Math.round(bounded)) - 0.5) > 1e-3;
	};
	const vectors = vectorsOf(randomArray(random, shape)).map((vector) =>
		vector.map((_, d) => {
			let value: number;
			do value = Math.fround(random.normal(0, 1.5));
			while (!clear(value, d));
			return value;
		}),
	);
	return { z: fromVectors(shape, vectors), vectors };
}

for (const [shape, levels] of [
	[[1, 1], [2]],
	[[17, 1], [3]],
	[
		[131, 3],
		[8, 4, 4],
	],
	[
		[3, 4, 7, 5],
		[8, 5, 5, 5],
	],
	[
		[2, 2, 1, 3],
		[2, 7],
	],
] as const)
	test(`z [${shape}], levels [${levels}]: codes, indices and gradient`, async () => {
		const { z, vectors } = draw(shape, levels, shape[0]);
		const expected = vectors.map((vector) => reference.finiteScalar(vector, levels));
		await checkOp(`[${shape}]`, {
			inputs: [z],
			run: ([z], gpu) => finiteScalar(z, gpu.tensor(Uint32Array.from(levels), [levels.length])).quantized,
			expected: fromVectors(
				shape,
				expected.map(({ quantized }) => quantized),
			),
			gradients: (dy) => [
				fromVectors(
					shape,
					vectorsOf(dy).map((g, n) => reference.finiteScalarBackward(vectors[n], levels, g)),
				),
			],
		});

		const gpu = await device();
		const levelCounts = gpu.tensor(Uint32Array.from(levels), [levels.length]);
		const { quantized, indices } = finiteScalar(tensorOf(gpu, z), levelCounts);
		assert.equal(
			[...indices.shape],
			shape.filter((_, axis) => axis !== 1),
		);
		const wanted = expected.map(({ index }) => index);
		assertSame(await indices.data(), wanted, "indices");
		const back = finiteScalarLookup(indices, levelCounts);
		assertClose(await back.data(), await quantized.data(), 0, "lookup");
		const looked = wanted.map((index) => reference.finiteScalarLookup(index, levels));
		assertClose(await back.data(), fromVectors(shape, looked).data, 1e-7, "lookup, reference");
		for (const tensor of [quantized, indices, back, levelCounts]) tensor.dispose();
	});

test("every index has a vector of its own, and one beyond them zeros", async () => {
	const gpu = await device();
	const levels = gpu.tensor(Uint32Array.of(3, 4), [2]);
	const table = finiteScalarLookup(
		gpu.tensor(
			Uint32Array.from({ length: 13 }, (_, i) => i),
			[13],
		),
		levels,
	);
	const values = [...(await table.data())].map((value) => (value === 0 ? 0 : value));
	const rows = Array.from({ length: 13 }, (_, i) => `${values[2 * i]}, ${values[2 * i + 1]}`);
	assert.is(new Set(rows.slice(0, 12)).size, 12);
	assert.is(rows[0], "-1, -1");
	assert.is(rows[11], "1, 0.5");
	assert.is(rows[12], "0, 0");
	const expected = Array.from({ length: 13 }, (_, i) => reference.finiteScalarLookup(i, [3, 4])).flat();
	assertClose(values, expected, 0, "reference");
	for (const tensor of [table, levels]) tensor.dispose();
});

test("values far out take the outermost levels", async () => {
	const gpu = await device();
	const levels = gpu.tensor(Uint32Array.of(5, 8), [2]);
	const z = gpu.tensor([-1e30, -1e30, 1e30, 1e30, -200, -200, 200, 200], [4, 2]);
	const { quantized, indices } = finiteScalar(z, levels);
	assertClose(await quantized.data(), [-1, -1, 1, 0.75, -1, -1, 1, 0.75], 0, "codes");
	assertSame(await indices.data(), [0, 39, 0, 39], "indices");
	for (const tensor of [z, quantized, indices, levels]) tensor.dispose();
});

test("the outermost levels begin at the values of the reference", async () => {
	const gpu = await device();
	const levels = gpu.tensor([5], [1], "uint32");
	// (5 − 1) · 0.4995 · tanh(z) is 1.4993 and 1.5003.
	const z = gpu.tensor([0.7504, 0.7509, -0.7504, -0.7509].map(Math.atanh), [4, 1]);
	const { quantized, indices } = finiteScalar(z, levels);
	assertClose(await quantized.data(), [0.5, 1, -0.5, -1], 0, "codes");
	for (const tensor of [z, quantized, indices, levels]) tensor.dispose();
});

test("what does not fit is refused", async () => {
	const gpu = await device();
	gpu.scope(() => {
		const levels = gpu.tensor(Uint32Array.of(3, 4), [2]);
		assertThrows(() => finiteScalar(gpu.tensor([1, 2, 3], [1, 3]), levels), ShapeError, [[1, 3], "2 levels"]);
		assertThrows(() => finiteScalarLookup(gpu.tensor(Uint32Array.of(1), [1, 1]), levels), ShapeError, [[1, 1]]);
	});
});

test("a step leaves nothing behind", () =>
	checkStepMemory({
		inputs: [randomArray(new Random(1), [5, 2])],
		run: ([z], gpu) => finiteScalar(z, gpu.tensor(Uint32Array.of(3, 4), [2])).quantized,
	}));

test.run();
