import {
	type AnyTensor,
	ArgumentError,
	argmax,
	argmin,
	cumsum,
	DisposedError,
	DTypeError,
	logSumExp,
	max,
	mean,
	min,
	ShapeError,
	sum,
	transpose,
} from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { type Array64, array, map, sizeOf } from "../reference/array.js";
import type { ReductionOptions } from "../reference/reductions.js";
import * as reference from "../reference/reductions.js";
import {
	assertClose,
	assertThrows,
	checkOp,
	checkStepMemory,
	device,
	randomArray,
	tensorOf,
	variants,
} from "../support.js";

const test = suite("reductions");
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

/** Several axes: neighbours, with others between, all; kept and not. */
const severalAxes: [shape: number[], options: ReductionOptions][] = [
	[[3, 5, 7, 4], { axis: [1, 2] }],
	[[3, 5, 7, 4], { axis: [0, 2], keepDim: true }],
	[[3, 5, 7, 4], { axis: [-1, 1] }],
	[[3, 1, 7], { axis: [0, 1, 2], keepDim: true }],
	[[2, 3, 2, 5, 2, 3], { axis: [1, 3, 5] }],
	[[2, 3, 2, 5, 2, 3], { axis: [0, 2, 4], keepDim: true }],
	[[261, 132], { axis: 0, keepDim: true }],
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

	for (const [i, [shape, options]] of severalAxes.entries())
		test(`${name} of [${shape}] ${JSON.stringify(options)}`, async () => {
			const x = randomArray(new Random(830 + i), shape, -0.5, 1);
			await checkOp(name, {
				inputs: [x],
				run: ([x]) => run(x, options),
				expected: forward(x, options),
				gradients: (dy) => [backward(x, dy, options)],
			});
		});

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

	test(`${name} refuses an axis that is not there and what was disposed of`, async () => {
		const gpu = await device();
		const x = gpu.tensor([1, 2], [1, 2]);
		for (const axis of [2, -3, 0.5]) assertThrows(() => run(x, axis), ArgumentError, [[1, 2]]);
		assertThrows(() => run(x, [0, -2]), ArgumentError, ["twice"]);
		x.dispose();
		assertThrows(() => run(x), DisposedError);
	});
}

test("integers have sums, not means; the sum of nothing is 0", async () => {
	const gpu = await device();
	const x = gpu.tensor(Uint32Array.of(2 ** 31, 2 ** 31 - 1, 3, 4), [2, 2]);
	assert.equal([...(await sum(x, 1).data())], [2 ** 32 - 1, 7]);
	assert.equal([...(await sum(gpu.tensor(Int32Array.of(-5, 2))).data())], [-3]);
	// @ts-expect-error: the types refuse integers as well
	assertThrows(() => mean(x), DTypeError, ["mean", "uint32"]);
	const none = gpu.tensor([], [0, 3]);
	assert.equal([...(await sum(none, 0).data())], [0, 0, 0]);
	assert.equal([...(await sum(none).data())], [0]);
	assertThrows(() => mean(none), ShapeError, ["mean", [0, 3]]);
	assertThrows(() => max(none), ShapeError, ["max", [0, 3]]);
});

const rows: [shape: number[], options: ReductionOptions][] = [
	[[], {}],
	[[7], {}],
	[[131, 131], {}],
	[[132, 128], {}],
	[[5, 7], { axis: 0 }],
	[[5, 7], { axis: -1, keepDim: true }],
	[[3, 36], { axis: 1 }],
	[[261, 36], { axis: 0 }],
	[[261, 35], { axis: 0 }],
	[[3, 5, 8], { axis: 1 }],
	[[2, 8193], { axis: 1 }],
	[[3, 5, 7, 4], { axis: [0, 2] }],
	[[2, 3, 2, 5, 2], { axis: [0, 2, 4] }],
];

for (const name of ["max", "min"] as const)
	for (const [i, [shape, options]] of rows.entries())
		test(`${name} of [${shape}] ${JSON.stringify(options)}, with equal elements`, async () => {
			const x = map(randomArray(new Random(850 + i), shape, -9, 9), (value) => Math.round(2 * value) / 2);
			await checkOp(name, {
				inputs: [x],
				run: ([x]) => (name === "max" ? max : min)(x, options),
				expected: reference.reduce(name, x, options),
				gradients: (dy) => [reference.reduceBackward(name, x, dy, options)],
			});
		});

for (const name of ["argmax", "argmin"] as const)
	test(`${name}: the lowest of equal elements, on every variant`, async () => {
		const run = { argmax, argmin }[name];
		for (const gpu of await variants())
			for (const [i, [shape, options]] of rows.entries()) {
				if (Array.isArray(options.axis)) continue;
				const x = map(randomArray(new Random(870 + i), shape, -9, 9), Math.round);
				const axis = options as { axis?: number; keepDim?: boolean };
				const y = gpu.scope(() => run(tensorOf(gpu, x), axis));
				const expected = reference.argReduce(name, x, options);
				assert.equal([...y.shape], expected.shape);
				assert.equal([...(await y.data())], [...expected.data], `[${shape}] ${JSON.stringify(options)}`);
				y.dispose();
			}
	});

test("max, argmax and their like: NaN, infinities, signed zeros, integers", async () => {
	const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
	for (const gpu of await variants()) {
		const x = gpu.tensor([
			[1, nan, 3, nan],
			[-inf, 0, -0, -inf],
			[inf, 2, inf, 2],
		]);
		const read = async (y: AnyTensor) => [...(await y.data())];
		assert.equal(await read(max(x, 1)), [nan, 0, inf]);
		assert.equal(await read(min(x, 1)), [nan, -inf, 2]);
		assert.equal(await read(argmax(x, 1)), [1, 1, 0]);
		assert.equal(await read(argmin(x, 1)), [1, 0, 1]);
		assert.equal(await read(max(x, 0)), [inf, nan, inf, nan]);
		const signed = gpu.tensor(Int32Array.of(-(2 ** 31), 5, 2 ** 31 - 1, 5));
		assert.equal(await read(max(signed)), [2 ** 31 - 1]);
		assert.equal(await read(min(signed)), [-(2 ** 31)]);
		assert.equal(await read(argmax(signed)), [2]);
		const unsigned = gpu.tensor(Uint32Array.of(7, 2 ** 32 - 1, 0, 0));
		assert.equal(await read(max(unsigned)), [2 ** 32 - 1]);
		assert.equal(await read(argmin(unsigned)), [2]);
	}
});

for (const [i, [shape, options]] of rows.entries())
	test(`logSumExp of [${shape}] ${JSON.stringify(options)}`, async () => {
		const x = randomArray(new Random(890 + i), shape, -30, 90);
		await checkOp("logSumExp", {
			inputs: [x],
			run: ([x]) => logSumExp(x, options),
			expected: reference.logSumExp(x, options),
			gradients: (dy) => [reference.logSumExpBackward(x, dy, options)],
		});
	});

test("logSumExp of numbers that are not finite", async () => {
	const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
	for (const gpu of await variants()) {
		const rows = gpu.tensor([
			[1, nan, 3],
			[-inf, -inf, -inf],
			[inf, 2, 3],
			[-inf, 2, 2],
		]);
		for (const [axis, x] of [
			[1, rows],
			[0, transpose(rows, 0, 1)],
		] as const) {
			const [a, b, c, d] = await logSumExp(x, axis).data();
			assert.ok(Number.isNaN(a), `${a}`);
			assert.is(b, -inf);
			assert.is(c, inf);
			assert.ok(Math.abs((d as number) - 2 - Math.LN2) < 1e-6, `${d}`);
		}
	}
});

for (const [i, [shape, axis]] of (
	[
		[[7], 0],
		[[1], 0],
		[[3, 33], 1],
		[[131, 5], 0],
		[[2, 1057, 3], 1],
		[[4, 3, 64], -1],
	] as [number[], number][]
).entries())
	test(`cumsum of [${shape}] along axis ${axis}`, async () => {
		const x = randomArray(new Random(860 + i), shape);
		const at = axis < 0 ? axis + shape.length : axis;
		await checkOp("cumsum", {
			inputs: [x],
			run: ([x]) => cumsum(x, axis),
			expected: reference.cumsum(x, at),
			gradients: (dy) => [reference.cumsum(dy, at, true)],
		});
	});

test("cumsum of integers is exact", async () => {
	const gpu = await device();
	const x = gpu.tensor(Uint32Array.from({ length: 100_000 }, (_, i) => i));
	const y = await cumsum(x, 0).data();
	assert.is(y[65535], (65535 * 65536) / 2);
	assert.is(y[99_999], ((99_999 * 100_000) / 2) % 2 ** 32);
});

test.run();
