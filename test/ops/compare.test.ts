import {
	type AnyTensor,
	cast,
	type DType,
	DTypeError,
	equal,
	greater,
	greaterEqual,
	less,
	lessEqual,
	notEqual,
	ShapeError,
	where,
} from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { array, map } from "../reference/array.js";
import {
	type ComparisonName,
	cast as castReference,
	compare,
	whereBackward,
	where as whereReference,
} from "../reference/elementwise.js";
import { assertThrows, checkOp, device, randomArray, tensorOf, variants } from "../support.js";

const test = suite("comparisons, where and cast");

const comparisons = { equal, notEqual, greater, greaterEqual, less, lessEqual };
const names = Object.keys(comparisons) as ComparisonName[];
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

async function valuesOf(y: AnyTensor): Promise<number[]> {
	const values = await y.data();
	y.dispose();
	return [...values];
}

test("comparisons of floats, broadcast, with NaN and infinities", async () => {
	const whole = (seed: number, shape: number[]) => map(randomArray(new Random(seed), shape, -3, 3), Math.round);
	const pairs = [
		[whole(1, [5, 67]), whole(2, [5, 67])],
		[whole(3, [3, 1, 8]), whole(4, [5, 1])],
		[array([3, 1], [nan, inf, -0]), array([4], [nan, 0, inf, -inf])],
	] as const;
	for (const gpu of await variants())
		for (const [a, b] of pairs)
			for (const name of names) {
				const y = gpu.scope(() => comparisons[name](tensorOf(gpu, a), tensorOf(gpu, b)));
				assert.is(y.dtype, "uint32");
				assert.equal(await valuesOf(y), [...compare(name, a, b).data], `${name} [${a.shape}] [${b.shape}]`);
			}
});

test("comparisons of integers have the order of their dtype", async () => {
	const gpu = await device();
	const signed = gpu.tensor(Int32Array.of(-5, 0, 7));
	assert.equal(await valuesOf(less(signed, 0)), [1, 0, 0]);
	assert.equal(await valuesOf(greaterEqual(signed, 0)), [0, 1, 1]);
	const unsigned = gpu.tensor(Uint32Array.of(0, 5, 2 ** 32 - 1));
	assert.equal(await valuesOf(greater(unsigned, 5)), [0, 0, 1]);
	assert.equal(await valuesOf(lessEqual(5, unsigned)), [0, 1, 1]);
	assertThrows(() => equal<DType>(signed, unsigned), DTypeError, ["int32", "uint32", "cast"]);
});

const condition = map(randomArray(new Random(5), [3, 1, 8]), (value) => (value > 0 ? 7 : 0));
for (const [a, b] of [
	[
		[3, 5, 8],
		[3, 5, 8],
	],
	[[5, 1], []],
	[[2, 1, 1, 1], [8]],
] as const) {
	test(`where [3, 1, 8] chooses from [${a}] and [${b}]`, async () => {
		const random = new Random(6);
		const [x, y] = [randomArray(random, a), randomArray(random, b)];
		await checkOp("where", {
			inputs: [x, y],
			run: ([x, y], gpu) => where(gpu.tensor(Uint32Array.from(condition.data), condition.shape), x, y),
			expected: whereReference(condition, x, y),
			gradients: (dy) => {
				const gradients = whereBackward(condition, x, y, dy);
				return [gradients.a, gradients.b];
			},
		});
	});
}

test("where takes numbers and integers, and refuses shapes that do not broadcast", async () => {
	const gpu = await device();
	const chosen = gpu.tensor(Int32Array.of(0, -1, 1));
	assert.equal(await valuesOf(where(chosen, 1, -1)), [-1, 1, 1]);
	assert.equal(await valuesOf(where(chosen, gpu.tensor(Uint32Array.of(1, 2, 2 ** 32 - 1)), 5)), [5, 2, 2 ** 32 - 1]);
	assertThrows(() => where(chosen, gpu.tensor([1, 2]), 0), ShapeError, [[3], [2]]);
});

test("cast rounds towards 0, stays in range, and back is exact for what float32 holds", async () => {
	const x = array([9], [nan, inf, -inf, 1.9, -1.9, 2 ** 31, 2147483520, 4294967040, -0.5]);
	for (const gpu of await variants()) {
		const floats = tensorOf(gpu, x);
		for (const dtype of ["int32", "uint32"] as const)
			assert.equal(await valuesOf(cast(floats, dtype)), [...castReference(x, dtype === "int32").data], dtype);
		assert.equal(await valuesOf(cast(gpu.tensor(Int32Array.of(-7, 2 ** 24)), "float32")), [-7, 2 ** 24]);
		assert.equal(await valuesOf(cast(gpu.tensor(Uint32Array.of(7, 2 ** 31)), "float32")), [7, 2 ** 31]);
		assert.equal(await valuesOf(cast(gpu.tensor(Int32Array.of(-1)), "uint32")), [2 ** 32 - 1]);
		floats.dispose();
	}
});

test.run();
