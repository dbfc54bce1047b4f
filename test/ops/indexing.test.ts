import {
	type AnyTensor,
	ArgumentError,
	DTypeError,
	gather,
	indexSelect,
	oneHot,
	ShapeError,
	scatterAdd,
	sum,
} from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { type Array64, array, map, zeros } from "../reference/array.js";
import * as reference from "../reference/indexing.js";
import { slice } from "../reference/shapes.js";
import { assertThrows, checkOp, device, randomArray, randomIndices, variants } from "../support.js";

const test = suite("indexing");

async function valuesOf(y: AnyTensor): Promise<number[]> {
	const values = await y.data();
	y.dispose();
	return [...values];
}

/** Random indices of an axis, and one outside of it. */
function indicesOf(random: Random, shape: number[], length: number): Array64 {
	const indices = map(randomArray(random, shape, 0, 1), (value) => Math.floor(value * length));
	return map(indices, (value, i) => (i === 3 ? length : value));
}

for (const [shape, axis, count] of [
	[[5], 0, 9],
	[[7, 4], 0, 3],
	[[3, 67], 1, 130],
	[[2, 5, 3], -2, 1],
	[[11, 3], 0, 1031],
] as [number[], number, number][])
	test(`indexSelect [${shape}] along axis ${axis}, ${count} indices`, async () => {
		const random = new Random(1);
		const x = randomArray(random, shape);
		const at = axis < 0 ? axis + shape.length : axis;
		const indices = [...randomIndices(random, count, shape[at] as number)];
		if (count > 2) indices[2] = shape[at] as number;
		const all = reference.indicesAlong(shape, at, indices);
		await checkOp("indexSelect", {
			inputs: [x],
			run: ([x], gpu) => indexSelect(x, axis, gpu.tensor(Uint32Array.from(indices))),
			expected: reference.gather(x, at, all),
			gradients: (dy) => [reference.scatterAdd(zeros(shape), at, all, dy)],
		});
	});

for (const [shape, axis, of] of [
	[[5], 0, [9]],
	[[3, 7], 1, [3, 67]],
	[[4, 6, 5], 1, [4, 3, 5]],
	// Shorter along the other axes.
	[[4, 6, 5], 0, [2, 6, 3]],
	[[7, 2], 0, [600, 2]],
] as [number[], number, number[]][])
	test(`gather and scatterAdd [${shape}] along axis ${axis} by [${of}]`, async () => {
		const random = new Random(2);
		const x = randomArray(random, shape);
		const indices = indicesOf(random, of, shape[axis] as number);
		await checkOp("gather", {
			inputs: [x],
			run: ([x], gpu) => gather(x, axis, gpu.tensor(Int32Array.from(indices.data), of)),
			expected: reference.gather(x, axis, indices),
			gradients: (dy) => [reference.scatterAdd(zeros(shape), axis, indices, dy)],
		});
		const source = randomArray(
			random,
			of.map((length, i) => (i === 0 ? length + 2 : length)),
		);
		await checkOp("scatterAdd", {
			inputs: [x, source],
			run: ([x, source], gpu) => scatterAdd(x, axis, gpu.tensor(Uint32Array.from(indices.data), of), source),
			expected: reference.scatterAdd(x, axis, indices, source),
			gradients: (dy) => {
				const part = reference.gather(dy, axis, indices);
				const ofSource = zeros(source.shape);
				ofSource.data.set(part.data);
				assert.equal(slice(ofSource, 0, 0, of[0] as number).data, part.data);
				return [dy, ofSource];
			},
		});
	});

test("scatterAdd of integers counts, exactly and in every variant", async () => {
	const labels = randomIndices(new Random(3), 5000, 10);
	const counts = array([10], new Float64Array(10));
	for (const label of labels) counts.data[label]++;
	for (const gpu of await variants()) {
		const y = gpu.scope(() =>
			scatterAdd(gpu.zeros([10], "uint32"), 0, gpu.tensor(labels), gpu.ones([labels.length], "uint32")),
		);
		assert.equal(await valuesOf(y), [...counts.data]);
	}
});

test("a negative index is outside; oneHot; what is refused", async () => {
	const gpu = await device();
	const x = gpu.tensor([1, 2, 3]);
	assert.equal(await valuesOf(indexSelect(x, 0, gpu.tensor(Int32Array.of(-1, 2, 3)))), [0, 3, 0]);
	const hot = oneHot(gpu.tensor(Int32Array.of(2, -1, 0, 3)), 3);
	assert.equal([...hot.shape, hot.dtype], [4, 3, "uint32"]);
	assert.equal(await valuesOf(sum(hot, 1)), [1, 0, 1, 0]);
	assert.equal(await valuesOf(hot), [0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
	// @ts-expect-error: the types refuse floats as well
	assertThrows(() => indexSelect(x, 0, x), DTypeError, ["indices", "float32"]);
	const indices = gpu.tensor(Uint32Array.of(0), [1, 1]);
	assertThrows(() => indexSelect(x, 0, indices), ShapeError, [[1, 1]]);
	assertThrows(() => gather(x, 0, indices), ShapeError, [[3], [1, 1]]);
	assertThrows(() => gather(gpu.zeros([2, 2]), 0, gpu.zeros([2, 3], "uint32")), ShapeError, [
		[2, 2],
		[2, 3],
	]);
	assertThrows(() => scatterAdd(x, 0, gpu.zeros([4], "uint32"), x), ShapeError, [[4], [3]]);
	assertThrows(() => indexSelect(x, 1, gpu.zeros([1], "uint32")), ArgumentError, ["axis"]);
});

test.run();
