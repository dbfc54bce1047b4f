import { ArgumentError, add, dropout, ShapeError } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { arange } from "../reference/making.js";
import { random } from "../reference/random.js";
import { assertSame, assertThrows, device, variants } from "../support.js";

const test = suite("making tensors");

test("zeros, ones, full, arange and eye, of every dtype", async () => {
	const gpu = await device();
	const cases = [
		[gpu.zeros([2, 3]), [0, 0, 0, 0, 0, 0]],
		[gpu.ones([3], "int32"), [1, 1, 1]],
		[gpu.full([5], -1.5), [-1.5, -1.5, -1.5, -1.5, -1.5]],
		[gpu.full([2], 2 ** 32 - 1, "uint32"), [2 ** 32 - 1, 2 ** 32 - 1]],
		[gpu.arange(5), [0, 1, 2, 3, 4]],
		[gpu.arange(1, 2, 0.25), arange(1, 4, 0.25)],
		[gpu.arange(3, -4, -2, "int32"), [3, 1, -1, -3]],
		[gpu.arange(2, 2), []],
		[gpu.eye(3), [1, 0, 0, 0, 1, 0, 0, 0, 1]],
		[gpu.eye(2, 3), [1, 0, 0, 0, 1, 0]],
		[gpu.zeros([0, 4]), []],
	] as const;
	for (const [tensor, expected] of cases) {
		assert.equal([...(await tensor.data())], [...expected], `${tensor}`);
		tensor.dispose();
	}
	assertThrows(() => gpu.full([1], 0.5, "int32"), ArgumentError, ["0.5", "int32"]);
	assertThrows(() => gpu.arange(0, 5, 0), ArgumentError, ["step"]);
	assertThrows(() => gpu.arange(0, 5, -1), ArgumentError, ["step"]);
	assertThrows(() => gpu.arange(0, -2, -1, "uint32"), ArgumentError, ["uint32"]);
	assertThrows(() => gpu.zeros([-1]), ShapeError, [[-1]]);
});

test("rand and randn are those of the reference, bit for bit, on every variant", async () => {
	for (const gpu of await variants({ tiled: true }))
		for (const [name, normal] of [
			["rand", false],
			["randn", true],
		] as const)
			for (const [seed, count] of [
				[0, 4099],
				[12345, 7],
			] as const) {
				const y = gpu[name]([count], { seed });
				assertSame(await y.data(), Float32Array.from(random(seed, count, normal)), `${name} ${seed}`);
				y.dispose();
			}
});

test("randn has the moments and the tails of the normal distribution", async () => {
	const gpu = await device();
	const count = 2 ** 20;
	const y = gpu.randn([count], { seed: 7 });
	const values = await y.data();
	y.dispose();
	const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / count;
	for (const [power, expected] of [
		[1, 0],
		[2, 1],
		[3, 0],
		[4, 3],
	] as const)
		assert.ok(Math.abs(moment(power) - expected) < 0.03, `${power}: ${moment(power)}`);
	for (const [beyond, probability] of [
		[1, 0.31731],
		[2, 0.0455],
		[3, 0.0027],
		[4, 6.33e-5],
	] as const) {
		const found = values.filter((value) => Math.abs(value) > beyond).length;
		const expected = count * probability;
		assert.ok(Math.abs(found - expected) < 5 * Math.sqrt(expected), `beyond ${beyond}: ${found} of ${expected}`);
	}
});

test("without a seed numbers differ from call to call, and manualSeed repeats them", async () => {
	const gpu = await device();
	const drawn = async () => {
		gpu.manualSeed(3);
		const tensors = [gpu.rand([5]), gpu.randn([5]), gpu.rand([5]), dropout(gpu.ones([64]))];
		const values = await Promise.all(tensors.map(async (tensor) => [...(await tensor.data())]));
		for (const tensor of tensors) tensor.dispose();
		return values;
	};
	const first = await drawn();
	assert.equal(await drawn(), first);
	assert.not.equal(first[0], first[2]);
	gpu.manualSeed(0);
});

test("in a captured step each replay draws other numbers, and dropout drops others", async () => {
	const gpu = await device();
	gpu.manualSeed(5);
	const ones = gpu.ones([64]);
	const step = gpu.capture(() => [gpu.rand([8]), gpu.randn([8]), add(dropout(ones), dropout(ones))]);
	const seen: string[] = [];
	for (let i = 0; i < 3; i++) {
		for (const tensor of step.replay()) seen.push(String(await tensor.data()));
	}
	assert.is(new Set(seen).size, 9);
	gpu.manualSeed(5);
	const again = String(await step.replay()[0]?.data());
	assert.is(again, seen[0]);
	step.dispose();
	ones.dispose();
	gpu.manualSeed(0);
});

test("data of other typed arrays, nested typed arrays, and tensors as nested arrays", async () => {
	const gpu = await device();
	const cases = [
		[gpu.tensor(Uint8Array.of(1, 255)), "uint32", [1, 255]],
		[gpu.tensor(Int16Array.of(-5, 7)), "int32", [-5, 7]],
		[gpu.tensor(Float64Array.of(0.5)), "float32", [0.5]],
		[gpu.tensor(Uint8Array.of(1, 255), [2, 1], "float32"), "float32", [[1], [255]]],
		[
			gpu.tensor([Float32Array.of(1, 2), Float32Array.of(3, 4)]),
			"float32",
			[
				[1, 2],
				[3, 4],
			],
		],
		[gpu.tensor(7), "float32", 7],
		[gpu.zeros([2, 0]), "float32", [[], []]],
		[gpu.tensor([[[1], [2]]]), "float32", [[[1], [2]]]],
	] as const;
	for (const [tensor, dtype, expected] of cases) {
		assert.is(tensor.dtype, dtype);
		assert.equal(await tensor.array(), expected);
		tensor.dispose();
	}
	assertThrows(() => gpu.tensor(Int8Array.of(-1), [1], "uint32"), ArgumentError, ["-1", "uint32"]);
	assertThrows(() => gpu.tensor(Float64Array.of(0.5), [1], "int32"), ArgumentError, ["0.5", "int32"]);
});

test.run();
