import {
	ArgumentError,
	add,
	backward,
	DisposedError,
	DTypeError,
	div,
	matmul,
	maximum,
	minimum,
	mul,
	pow,
	relu,
	ShapeError,
	scale,
	sub,
	sum,
	type Tensor,
} from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { type Array64, array, map } from "../reference/array.js";
import { type BinaryName, binary, binaryBackward, scale as scaleReference } from "../reference/elementwise.js";
import { assertThrows, checkOp, checkStepMemory, device, randomArray, tensorOf } from "../support.js";

const test = suite("add, sub, mul and scale");
const operations = { add, sub, mul, div, maximum, minimum, pow };
const names: readonly BinaryName[] = ["add", "sub", "mul", "div", "maximum", "minimum", "pow"];
/** With every shape; the others launch the same kernel, or one that finds its elements in the same way. */
const basic: readonly BinaryName[] = ["mul"];

/** Checks values and gradients of a binary operation. */
async function check(name: BinaryName, a: Array64, b: Array64): Promise<void> {
	await checkOp(`${name} [${a.shape}] and [${b.shape}]`, {
		inputs: [a, b],
		run: ([a, b]) => operations[name](a, b),
		expected: binary(name, a, b),
		gradients: (dy) => {
			const gradients = binaryBackward(name, a, b, dy);
			return [gradients.a, gradients.b];
		},
	});
}

const shapes: { large: number[]; small: number[] }[] = [
	{ large: [], small: [] },
	{ large: [1], small: [1] },
	{ large: [7], small: [7] },
	{ large: [2, 3, 5, 7], small: [2, 3, 5, 7] },
	{ large: [67, 71], small: [67, 71] },
	// A scalar.
	{ large: [3, 5], small: [] },
	{ large: [1031], small: [1] },
	// The last axes, one axis in the middle, the first axes.
	{ large: [2, 3, 5], small: [5] },
	{ large: [4, 3, 5], small: [3, 5] },
	{ large: [2, 3, 5, 7], small: [3, 1, 1] },
	{ large: [2, 67, 4, 5], small: [1, 67, 1, 1] },
	{ large: [3, 67], small: [3, 1] },
	{ large: [2, 3, 5], small: [2, 3, 1] },
	{ large: [2, 3, 4, 5], small: [3, 4, 1] },
	{ large: [300, 2], small: [2] },
	{ large: [2, 5], small: [1, 1, 5] },
	// Whole vectors of the smaller one, and each of its elements for whole vectors.
	{ large: [3, 8], small: [8] },
	{ large: [5, 3, 4], small: [3, 4] },
	{ large: [3, 2, 8], small: [2, 1] },
	{ large: [2, 4, 3], small: [4, 1] },
	// Each is stretched along an axis of the other.
	{ large: [7, 1], small: [1, 3] },
];

/** By NumPy's rules: axes that are repeated between others, both operands repeated, vectors and not. */
const interleaved: { large: number[]; small: number[] }[] = [
	{ large: [2, 3, 4], small: [2, 1, 4] },
	{ large: [2, 3, 5], small: [2, 1, 5] },
	{ large: [2, 1, 3, 1, 8], small: [4, 1, 5, 8] },
	{ large: [3, 1, 5, 1, 7], small: [2, 1, 4, 1] },
	{ large: [2, 1, 2, 1, 2, 1, 2, 1], small: [3, 1, 3, 1, 3, 1, 3] },
];

for (const name of names) {
	const tested = basic.includes(name)
		? [...shapes, ...interleaved]
		: [...shapes.slice(3, 9), ...interleaved.slice(1, 3)];
	for (const [i, { large, small }] of tested.entries()) {
		test(`${name} [${large}] and [${small}], both ways`, async () => {
			const random = new Random(700 + i);
			const [low, high] = name === "div" || name === "pow" ? [0.25, 2] : [-1, 1];
			const [a, b] = [randomArray(random, large, low, high), randomArray(random, small, low, high)];
			await check(name, a, b);
			if (large.length !== small.length || large.some((extent, axis) => extent !== small[axis]))
				await check(name, b, a);
		});
	}

	test(`${name} of a tensor and itself`, async () => {
		const x = randomArray(new Random(1), [5, 13], 0.25, 2);
		await checkOp(`${name}(x, x)`, {
			inputs: [x],
			run: ([x]) => operations[name](x, x),
			expected: binary(name, x, x),
			gradients: (dy) => {
				const { a, b } = binaryBackward(name, x, x, dy);
				return [binary("add", a, b)];
			},
		});
	});

	test(`${name} leaves nothing behind`, () => {
		const random = new Random(2);
		const inputs = [randomArray(random, [2, 6, 5, 5]), randomArray(random, [6, 1, 1])];
		return checkStepMemory({ inputs, run: ([a, b]) => operations[name](a, b) });
	});

	test(`${name} refuses what does not fit`, async () => {
		const gpu = await device();
		gpu.scope(() => {
			const of = (...shape: number[]) => tensorOf(gpu, randomArray(new Random(3), shape));
			for (const { a, b } of [
				{ a: [2, 3], b: [2, 4] },
				{ a: [2, 3], b: [2] },
				{ a: [6], b: [2, 3] },
			]) {
				assertThrows(() => operations[name](of(...a), of(...b)), ShapeError, [a, b]);
			}
			const integers = gpu.tensor(Uint32Array.of(1, 2), [2]);
			// @ts-expect-error: the types refuse two dtypes as well
			assertThrows(() => operations[name](of(2), integers), DTypeError);
			const gone = of(2);
			gone.dispose();
			assertThrows(() => operations[name](of(2), gone), DisposedError);
		});
	});
}

test("pow of negative numbers, of 0, and with exponents that are special", async () => {
	const bases = [-2, -2, -2, -2, 0, 0, 0, 2, 5, 9, 1.5, -1, 7, 0.5];
	const exponents = [2, 3, -1, 0.5, 0, 2, -1, 10, -2, 0.5, 20.5, 7, 1, -3];
	const expected = bases.map((base, i) => base ** (exponents[i] as number));
	await checkOp("pow", {
		inputs: [array([14], bases)],
		run: ([x], gpu) => pow(x, gpu.tensor(exponents)),
		expected: array([14], expected),
		gradients: (dy) => [
			map(dy, (value, i) => (exponents[i] === 0 ? 0 : value * exponents[i] * bases[i] ** (exponents[i] - 1))),
		],
	});
});

test("numbers are operands on either side, of any dtype that holds them", async () => {
	const gpu = await device();
	const values = async (y: Tensor<"float32"> | Tensor<"int32"> | Tensor<"uint32">) => [...(await y.data())];
	const x = gpu.tensor([1, 2, 4]);
	assert.equal(await values(sub(8, x)), [7, 6, 4]);
	assert.equal(await values(div(x, 2)), [0.5, 1, 2]);
	assert.equal(await values(pow(2, x)), [2, 4, 16]);
	assert.equal(await values(maximum(x, 2)), [2, 2, 4]);
	const signed = gpu.tensor(Int32Array.of(-3, 0, 2 ** 31 - 1));
	assert.equal(await values(add(signed, 1)), [-2, 1, -(2 ** 31)]);
	assert.equal(await values(mul(signed, gpu.tensor(Int32Array.of(2, 5), [2, 1]))), [-6, 0, -2, -15, 0, 2147483643]);
	assert.equal(await values(minimum(signed, -1)), [-3, -1, -1]);
	const unsigned = gpu.tensor(Uint32Array.of(1, 2 ** 32 - 1));
	assert.equal(await values(maximum(unsigned, 7)), [7, 2 ** 32 - 1]);
	assert.equal(await values(minimum(7, unsigned)), [1, 7]);
	assert.equal(await values(sub(unsigned, 2)), [2 ** 32 - 1, 2 ** 32 - 3]);
	assertThrows(() => add(1, 2), ArgumentError, ["add", "a"]);
	assertThrows(() => add(unsigned, -1), ArgumentError, ["uint32", "-1"]);
	assertThrows(() => add(unsigned, 0.5), ArgumentError, ["0.5"]);
	// @ts-expect-error: the types refuse integers as well
	assertThrows(() => div(signed, 2), DTypeError, ["div", "int32"]);
});

test("tensors without elements have sums and products without elements", async () => {
	const gpu = await device();
	const rows = gpu.parameter([], [0, 2]);
	const columns = gpu.parameter([1, 2, 3, 4, 5, 6], [2, 3]);
	const product = relu(scale(matmul(rows, columns), 2));
	assert.equal([...product.shape], [0, 3]);
	backward(sum(product));
	assert.equal(await columns.grad.data(), new Float32Array(6));
	assert.equal([...(await matmul(gpu.zeros([2, 0]), gpu.zeros([0, 3])).data())], [0, 0, 0, 0, 0, 0]);
	const none = gpu.tensor([], [0, 3]);
	const y = add(none, gpu.tensor([1, 2, 3]));
	assert.equal([...y.shape], [0, 3]);
	assert.equal(await y.data(), new Float32Array(0));
	assertThrows(() => add(none, gpu.tensor([1, 2])), ShapeError, [[0, 3], [2]]);
});

test("a tensor that several operations use gets the sum of their gradients", async () => {
	const x = randomArray(new Random(4), [4, 9]);
	// y = (x + x·x) − 3x, so dy/dx = 1 + 2x − 3.
	await checkOp("x + x·x − 3x", {
		inputs: [x],
		run: ([x]) => sub(add(x, mul(x, x)), scale(x, 3)),
		expected: map(x, (value) => value + value * value - 3 * value),
		gradients: (dy) => [map(dy, (value, i) => value * (2 * x.data[i] - 2))],
	});
});

for (const [shape, factor] of [
	[[], 2],
	[[7], -1.5],
	[[67, 71], 0],
	[[2, 3, 5, 7], 1 / 3],
	[[1031], 1e-6],
] as [number[], number][]) {
	test(`scale [${shape}] by ${factor}`, () => {
		const x = randomArray(new Random(5), shape);
		return checkOp("scale", {
			inputs: [x],
			run: ([x]) => scale(x, factor),
			expected: scaleReference(x, factor),
			gradients: (dy) => [scaleReference(dy, factor)],
		});
	});
}

test.run();
