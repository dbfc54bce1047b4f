import { ArgumentError, DisposedError, DTypeError, mean, sum } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { type Array64, array, sizeOf } from "../reference/array.js";
import * as reference from "../reference/reductions.js";
import { assertClose, assertThrows, checkOp, checkStepMemory, device, randomArray } from "../support.js";

const test = suite("sum and mean");
const operations = {
	sum: { run: sum, forward: reference.sum, backward: reference.sumBackward },
	mean: { run: mean, forward: reference.mean, backward: reference.meanBackward },
};

const cases: [shape: number[], axis?: number][] = [
	[[]],
	[[1]],
	[[7]],
	[[2, 3, 5, 7]],
	[[67, 71]],
	[[1031]],
	[[70, 1001]],
	[[7], 0],
	[[3, 5, 4], 0],
	[[3, 5, 4], 1],
	[[3, 5, 4], 2],
	[[3, 5, 4], -1],
	[[67, 71], 0],
	[[67, 71], 1],
	[[3, 1, 5], 1],
	[[1031, 2], 0],
	[[2, 1031], -1],
	[[2, 33, 3, 5], -3],
	// The blocked kernel, in parts and without, of vectors and of words.
	[[5, 3280], 1],
	[[5, 3281], 1],
	[[300, 60], 1],
	[[300, 61], 1],
	// Neighbouring sums: of whole vectors and not, in parts and without, over the first axis and one between.
	[[261, 132], 0],
	[[261, 131], 0],
	[[3, 261, 36], 1],
	[[5, 7, 4, 9], 1],
	[[3, 5, 32], 1],
];

for (const name of ["sum", "mean"] as const) {
	const { run, forward, backward } = operations[name];
	for (const [i, [shape, axis]] of cases.entries()) {
		test(`${name} of [${shape}]${axis === undefined ? "" : ` over axis ${axis}`}`, async () => {
			const x = randomArray(new Random(800 + i), shape, -0.5, 1);
			const options = axis === undefined ? {} : { axis: axis < 0 ? axis + shape.length : axis };
			await checkOp(name, {
				inputs: [x],
				run: ([x]) => run(x, axis),
				expected: forward(x, options),
				gradients: (dy) => [backward(x, dy, options)],
			});
		});
	}

	test(`${name} over several workgroups misses none and takes none twice`, async () => {
		const gpu = await device();
		for (const [shape, axis] of [
			[[8193], undefined],
			[[65536], undefined],
			[[81923], undefined],
			[[163841], undefined],
			[[3, 8193], 1],
			[[3, 24577], 1],
			[[1031, 40], 0],
			[[5, 385, 33], 1],
		] as const) {
			const x = gpu.tensor(new Float32Array(sizeOf(shape)).fill(1), shape);
			const y = run(x, axis);
			const summands = axis === undefined ? x.size : shape[axis];
			const values = await y.data();
			// Whole numbers are exact; one divided by their number, and again as many, all but.
			for (const value of values)
				assert.ok(Math.abs(value - (name === "sum" ? summands : 1)) < 1e-6, `[${shape}]: ${value}`);
			for (const tensor of [x, y]) tensor.dispose();
		}
	});

	test(`${name} of many numbers stays exact`, async () => {
		const gpu = await device();
		const shape = [1500, 1000];
		const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => 1 + (i % 7) / 8);
		const x = gpu.tensor(data, shape);
		const [all, rows, columns] = [run(x), run(x, 1), run(x, 0)];
		const expected: Array64 = array(shape, data);
		assertClose(await all.data(), forward(expected).data, 1e-6, "all");
		assertClose(await rows.data(), forward(expected, { axis: 1 }).data, 1e-6, "rows");
		assertClose(await columns.data(), forward(expected, { axis: 0 }).data, 1e-6, "columns");
		for (const tensor of [x, all, rows, columns]) tensor.dispose();
	});

	test(`${name} leaves nothing behind`, async () => {
		const x = randomArray(new Random(1), [30, 40]);
		await checkStepMemory({ inputs: [x], run: ([x]) => run(x) });
		await checkStepMemory({ inputs: [x], run: ([x]) => run(x, 1) });
	});

	test(`${name} refuses an axis that is not there, integers, and what was disposed of`, async () => {
		const gpu = await device();
		const x = gpu.tensor([1, 2], [1, 2]);
		for (const axis of [2, -3, 0.5]) assertThrows(() => run(x, axis), ArgumentError, [[1, 2]]);
		const integers = gpu.tensor(Int32Array.of(1, 2), [2]);
		// @ts-expect-error: the types refuse integers as well
		assertThrows(() => run(integers), DTypeError);
		integers.dispose();
		x.dispose();
		assertThrows(() => run(x), DisposedError);
	});
}

test.run();
