import * as library from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { type Array64, array, map } from "../reference/array.js";
import { type UnaryName, type UnarySettings, unary, unaryBackward } from "../reference/unary.js";
import { assertClose, assertThrows, checkOp, device, randomArray, variants } from "../support.js";

const { ArgumentError, abs, clamp, conv2d, DTypeError, elu, gelu, leakyRelu, neg, sigmoid, sign, softplus, square } =
	library;

const test = suite("elementwise operations of one operand");

interface Case {
	readonly name: UnaryName;
	readonly call: (x: library.Tensor) => library.Tensor;
	readonly settings?: UnarySettings;
	readonly low?: number;
	readonly high?: number;
	/** Numbers at which it must be right besides random ones. */
	readonly more?: readonly number[];
}

const cases: readonly Case[] = [
	{ name: "neg", call: library.neg },
	{ name: "abs", call: library.abs, more: [0, -0] },
	{ name: "sign", call: library.sign, more: [0] },
	{ name: "exp", call: library.exp, low: -20, high: 20, more: [0, -100] },
	{ name: "log", call: library.log, low: 1e-3, high: 50, more: [1, 1e-30] },
	{ name: "sqrt", call: library.sqrt, low: 1e-3, high: 50 },
	{ name: "square", call: library.square, low: -30, high: 30 },
	{ name: "reciprocal", call: library.reciprocal, low: 0.1, high: 9, more: [-3, 1e10] },
	{ name: "sin", call: library.sin, low: -40, high: 40, more: [0, 1e-6, 3000] },
	{ name: "cos", call: library.cos, low: -40, high: 40, more: [0, Math.fround(Math.PI / 2), 3000] },
	{ name: "tanh", call: library.tanh, low: -5, high: 5, more: [0, 1e-5, 50, -50] },
	{ name: "sigmoid", call: library.sigmoid, low: -9, high: 9, more: [80, -80] },
	{ name: "silu", call: library.silu, low: -9, high: 9, more: [80, -80] },
	{ name: "gelu", call: (x) => gelu(x), low: -6, high: 6, more: [0, 30, -30] },
	{ name: "geluTanh", call: (x) => gelu(x, { approximate: "tanh" }), low: -6, high: 6, more: [30, -30] },
	{ name: "leakyRelu", call: (x) => leakyRelu(x, { negativeSlope: 0.25 }), settings: { a: 0.25 } },
	{ name: "leakyRelu", call: (x) => leakyRelu(x), settings: { a: 0.01 } },
	{ name: "elu", call: (x) => elu(x, { alpha: 0.75 }), settings: { a: 0.75 }, low: -4, high: 2, more: [-1e-6, -90] },
	{ name: "softplus", call: (x) => softplus(x), settings: { a: 1, b: 20 }, low: -9, high: 9, more: [-80, 30] },
	{
		name: "softplus",
		call: (x) => softplus(x, { beta: 2, threshold: 3 }),
		settings: { a: 2, b: 3 },
		low: -2,
		high: 3,
	},
	{ name: "clamp", call: (x) => clamp(x, { min: -0.5, max: 0.25 }), settings: { a: -0.5, b: 0.25 }, more: [0.25] },
	{ name: "clamp", call: (x) => clamp(x, { max: 0 }), settings: { a: Number.NEGATIVE_INFINITY, b: 0 } },
	{ name: "floor", call: library.floor, low: -9, high: 9, more: [2, -2] },
	{ name: "round", call: library.round, low: -9, high: 9, more: [0.5, 1.5, -0.5, -2.5] },
];

/** Random numbers, the first of which are given ones. */
function numbersFor({ low = -1, high = 1, more = [] }: Case, shape: number[], seed: number): Array64 {
	return map(randomArray(new Random(seed), shape, low, high), (value, i) => more[i] ?? value);
}

for (const [i, of] of cases.entries()) {
	const { name, call, settings } = of;
	test(`${name} ${settings ? JSON.stringify(settings) : ""}`, async () => {
		for (const shape of [[4, 67], [1], []]) {
			const x = numbersFor(of, shape, 900 + i);
			await checkOp(`${name} [${shape}]`, {
				inputs: [x],
				run: ([x]) => call(x),
				expected: unary(name, x, settings),
				gradients: (dy) => [unaryBackward(name, x, dy, settings)],
			});
		}
	});
}

test("numbers that are not finite stay what they are, and NaN is NaN", async () => {
	const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
	const x = array([6], [nan, inf, -inf, 0, -0, -2]);
	const expected: Partial<Record<UnaryName, number[]>> = {
		exp: [nan, inf, 0, 1, 1, Math.exp(-2)],
		log: [nan, inf, nan, -inf, -inf, nan],
		sqrt: [nan, inf, nan, 0, 0, nan],
		reciprocal: [nan, 0, 0, inf, -inf, -0.5],
		tanh: [nan, 1, -1, 0, 0, Math.tanh(-2)],
		sigmoid: [nan, 1, 0, 0.5, 0.5, 1 / (1 + Math.exp(2))],
		softplus: [nan, inf, 0, Math.LN2, Math.LN2, Math.log1p(Math.exp(-2))],
	};
	for (const gpu of await variants())
		for (const { name, call, settings } of cases) {
			const [input, y] = gpu.scope(() => {
				const input = gpu.parameter(Float32Array.from(x.data));
				const y = call(input);
				library.backward(library.sum(y));
				return [input, y];
			});
			const values = await y.data();
			assert.ok(Number.isNaN(values[0]), `${name}(NaN) is ${values[0]}`);
			const wanted = settings === undefined || settings.a === 1 ? expected[name] : undefined;
			if (wanted !== undefined) {
				assertClose(values, Float64Array.from(wanted), 1e-6, name);
				for (const [i, value] of wanted.entries())
					if (!Number.isFinite(value)) assert.ok(Object.is(values[i], value), `${name}(${x.data[i]}): ${values[i]}`);
			}
			input.dispose();
			y.dispose();
		}
});

test("clamp: infinite limits are none, and infinities stay", async () => {
	const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
	for (const gpu of await variants()) {
		const x = gpu.tensor([nan, inf, -inf, 0.5]);
		for (const [options, expected] of [
			[{ max: 1 }, [nan, 1, -inf, 0.5]],
			[{ min: 0 }, [nan, inf, 0, 0.5]],
			[{ min: 1, max: inf }, [nan, inf, 1, 1]],
			[{ min: -inf, max: 0 }, [nan, 0, -inf, 0]],
			[{ min: inf }, [nan, inf, inf, inf]],
		] as [{ min?: number; max?: number }, number[]][])
			assert.equal([...(await clamp(x, options).data())], expected, JSON.stringify(options));
		const whole = gpu.tensor(new Int32Array([-7, 0, 7]));
		assert.equal([...(await clamp(whole, { min: 0, max: inf }).data())], [0, 0, 7]);
		assertThrows(() => clamp(whole, { min: inf }), ArgumentError, ["clamp", "Infinity"]);
		assertThrows(() => clamp(x, { max: nan }), ArgumentError, ["clamp", "max", "NaN"]);
	}
});

test("the layout of convolutions goes through, forward and backward", async () => {
	const random = new Random(5);
	const [x, weight] = [randomArray(random, [17, 3, 4, 5]), randomArray(random, [3, 3, 1, 1])];
	const gpus = await variants({ tiled: true });
	const results = await Promise.all(
		gpus.map(async (gpu) => {
			const [a, b] = [x, weight].map(({ data, shape }) => gpu.parameter(Float32Array.from(data), shape));
			const y = gpu.scope(() => {
				const y = library.exp(square(sigmoid(conv2d(a, b))));
				library.backward(library.sum(conv2d(library.mul(y, y), b)));
				return y;
			});
			const read = [y, a.grad, b.grad].map((tensor) => tensor.data());
			return Promise.all(read);
		}),
	);
	const [first, ...others] = results;
	for (const other of others)
		for (const [i, values] of other.entries()) assertClose(values, first?.[i] as Float32Array, 1e-5, `${i}`);
});

test("integers have neg, abs, sign, square and clamp", async () => {
	const gpu = await device();
	const x = gpu.tensor(Int32Array.of(-7, 0, 3, 2 ** 31 - 1));
	const read = async (y: library.AnyTensor) => [...(await y.data())];
	assert.equal(await read(neg(x)), [7, 0, -3, 1 - 2 ** 31]);
	assert.equal(await read(abs(x)), [7, 0, 3, 2 ** 31 - 1]);
	assert.equal(await read(sign(x)), [-1, 0, 1, 1]);
	assert.equal((await read(square(x))).slice(0, 3), [49, 0, 9]);
	assert.equal(await read(clamp(x, { min: -1, max: 2 })), [-1, 0, 2, 2]);
	const unsigned = gpu.tensor(Uint32Array.of(0, 2 ** 31, 2 ** 32 - 1));
	assert.equal(await read(abs(unsigned)), [0, 2 ** 31, 2 ** 32 - 1]);
	assert.equal(await read(sign(unsigned)), [0, 1, 1]);
	assert.equal(await read(clamp(unsigned, { min: 5 })), [5, 2 ** 31, 2 ** 32 - 1]);
	// @ts-expect-error: the types refuse integers as well
	assertThrows(() => sigmoid(x), DTypeError, ["sigmoid", "int32", "float32"]);
	assertThrows(() => clamp(x, {}), ArgumentError, ["min", "max"]);
	assertThrows(() => clamp(x, { min: 2, max: 1 }), ArgumentError, ["min", "2", "1"]);
	assertThrows(() => clamp(x, { min: 0.5 }), ArgumentError, ["0.5"]);
});

test.run();
