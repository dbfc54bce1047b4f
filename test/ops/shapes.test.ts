import {
	type AnyTensor,
	ArgumentError,
	cat,
	type DType,
	DTypeError,
	expand,
	flatten,
	flip,
	pad,
	permute,
	ShapeError,
	slice,
	split,
	squeeze,
	stack,
	type Tensor,
	transpose,
	unsqueeze,
} from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { strided } from "../../src/ops/copy.js";
import { type Array64, map } from "../reference/array.js";
import * as elementwise from "../reference/elementwise.js";
import { permute as permuteReference } from "../reference/permute.js";
import * as reference from "../reference/shapes.js";
import { assertSame, assertThrows, checkMemory, checkOp, device, randomArray, tensorOf, variants } from "../support.js";

const test = suite("shapes");

async function valuesOf(y: AnyTensor): Promise<number[]> {
	const values = await y.data();
	y.dispose();
	return [...values];
}

for (const [shape, axis, start, end, step] of [
	[[7], 0, 2, 5, 1],
	[[5, 12], 1, 4, 12, 1],
	[[5, 12], 1, 3, 11, 1],
	[[5, 67], 1, 1, 66, 3],
	[[9, 8], 0, 1, 9, 4],
	[[2, 9, 3, 4], 1, 0, 9, 2],
] as [number[], number, number, number, number][])
	test(`slice [${shape}], axis ${axis}, ${start}:${end}:${step}`, async () => {
		const x = randomArray(new Random(1), shape);
		const before = shape.map((_, i) => (i === axis ? start : 0));
		const steps = shape.map((_, i) => (i === axis ? step : 1));
		await checkOp("slice", {
			inputs: [x],
			run: ([x]) => slice(x, axis, start, end, step),
			expected: reference.slice(x, axis, start, end, step),
			gradients: (dy) => [reference.pad(dy, shape, before, 0, steps)],
		});
	});

test("slice: negative, beyond the end, empty; integers; what is refused", async () => {
	const gpu = await device();
	const x = gpu.tensor(Int32Array.of(0, -1, -2, -3, -4, -5));
	assert.equal(await valuesOf(slice(x, 0, -2)), [-4, -5]);
	assert.equal(await valuesOf(slice(x, -1, -100, -4)), [0, -1]);
	assert.equal(await valuesOf(slice(x, 0, 4, 100)), [-4, -5]);
	const none = slice(x, 0, 4, 2);
	assert.equal([...none.shape], [0]);
	assert.equal(await valuesOf(none), []);
	assertThrows(() => slice(x, 1, 0), ArgumentError, ["axis"]);
	assertThrows(() => slice(x, 0, 0, 6, 0), ArgumentError, ["step"]);
	assertThrows(() => slice(x, 0, 0.5), ArgumentError, ["start"]);
});

for (const [shape, padding, value] of [
	[[7], [[2, 3]], 0],
	[
		[3, 8],
		[
			[0, 0],
			[4, 4],
		],
		-1.5,
	],
	[
		[3, 5],
		[
			[1, 0],
			[-2, 3],
		],
		0,
	],
	[
		[2, 3, 4, 5],
		[
			[0, 0],
			[0, 0],
			[1, 1],
			[2, 0],
		],
		0.25,
	],
	[
		[2, 3, 2],
		[
			[-1, 0],
			[1, -2],
			[0, 0],
		],
		0,
	],
] as [number[], [number, number][], number][])
	test(`pad [${shape}] by ${JSON.stringify(padding)}`, async () => {
		const x = randomArray(new Random(2), shape);
		const to = shape.map((length, i) => length + padding[i][0] + padding[i][1]);
		const before = padding.map(([first]) => first);
		await checkOp("pad", {
			inputs: [x],
			run: ([x]) => pad(x, padding, { value }),
			expected: reference.pad(x, to, before, value),
			gradients: (dy) => [
				reference.pad(
					dy,
					shape,
					before.map((first) => -first),
				),
			],
		});
	});

test("pad: integers by a value that they can hold, and what is refused", async () => {
	const gpu = await device();
	const x = gpu.tensor(Uint32Array.of(7));
	assert.equal(await valuesOf(pad(x, [[1, 1]], { value: 2 ** 32 - 1 })), [2 ** 32 - 1, 7, 2 ** 32 - 1]);
	assertThrows(() => pad(x, [[1, 1]], { value: -1 }), ArgumentError, ["value", "uint32"]);
	assertThrows(() => pad(x, [[-1, -1]]), ShapeError, [[1]]);
	assertThrows(() => pad(x, []), ArgumentError, ["padding"]);
});

for (const [shapes, axis] of [
	[[[3], [5], [1]], 0],
	[
		[
			[2, 3],
			[2, 5],
		],
		1,
	],
	[
		[
			[67, 4],
			[3, 4],
			[0, 4],
		],
		0,
	],
	[
		[
			[2, 3, 4, 5],
			[2, 1, 4, 5],
		],
		-3,
	],
] as [number[][], number][])
	test(`cat of ${JSON.stringify(shapes)} along axis ${axis}`, async () => {
		const random = new Random(3);
		const inputs = shapes.filter((shape) => !shape.includes(0)).map((shape) => randomArray(random, shape));
		const at = axis < 0 ? axis + (shapes[0] as number[]).length : axis;
		const starts = inputs.map((_, i) => inputs.slice(0, i).reduce((sum, { shape }) => sum + shape[at], 0));
		await checkOp("cat", {
			inputs,
			run: (tensors, gpu) => cat([...tensors, ...(shapes[2]?.[0] === 0 ? [gpu.tensor([], shapes[2])] : [])], axis),
			expected: reference.cat(inputs, at),
			gradients: (dy) =>
				inputs.map(({ shape }, i) => reference.slice(dy, at, starts[i] as number, (starts[i] as number) + shape[at])),
		});
	});

test("stack and split are each other's inverse", async () => {
	const random = new Random(4);
	const inputs = [randomArray(random, [3, 5]), randomArray(random, [3, 5])] as [Array64, Array64];
	const expected = reference.cat(
		inputs.map(({ data }) => ({ shape: [3, 1, 5], data })),
		1,
	);
	await checkOp("stack", {
		inputs,
		run: (tensors) => stack(tensors, 1),
		expected: { ...expected, shape: [3, 2, 5] },
		gradients: (dy) => [0, 1].map((i) => ({ ...reference.slice(dy, 1, i, i + 1), shape: [3, 5] })),
	});
	const gpu = await device();
	const x = gpu.tensor(
		Float32Array.from({ length: 21 }, (_, i) => i),
		[3, 7],
	);
	const read = async (parts: Tensor[]) => Promise.all(parts.map(async (part) => [part.shape, await valuesOf(part)]));
	assert.equal(await read(split(x, [1, 2], 0)), [
		[
			[1, 7],
			[0, 1, 2, 3, 4, 5, 6],
		],
		[
			[2, 7],
			[7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
		],
	]);
	assert.equal(
		split(x, 3, -1).map(({ shape }) => shape),
		[
			[3, 3],
			[3, 3],
			[3, 1],
		],
	);
	assertThrows(() => split(x, [1, 1]), ArgumentError, ["split", "3", "[1, 1]", "2"]);
	assertThrows(() => cat([x, gpu.tensor([[1]])]), ShapeError, [
		[3, 7],
		[1, 1],
	]);
	assertThrows(() => stack([x, gpu.tensor([1])]), ShapeError, [[3, 7], [1]]);
	assertThrows(() => cat([]), ArgumentError, ["tensors"]);
	assertThrows(() => cat<DType>([x, gpu.tensor(Int32Array.of(1))]), DTypeError, ["int32"]);
});

for (const [shape, axes] of [
	[[7], [0]],
	[[3, 8], [1]],
	[[5, 4], [0]],
	[
		[2, 3, 5],
		[0, -1],
	],
] as [number[], number[]][])
	test(`flip [${shape}] along ${axes}`, async () => {
		const x = randomArray(new Random(5), shape);
		const at = axes.map((axis) => (axis < 0 ? axis + shape.length : axis));
		await checkOp("flip", {
			inputs: [x],
			run: ([x]) => flip(x, axes),
			expected: reference.flip(x, at),
			gradients: (dy) => [reference.flip(dy, at)],
		});
	});

for (const [from, shape, to] of [
	[[5], [3, -1], [3, 5]],
	[
		[3, 1, 8],
		[-1, 4, -1],
		[3, 4, 8],
	],
	[
		[1, 1],
		[2, 7],
		[2, 7],
	],
	[
		[2, 1, 3, 1],
		[5, 2, 4, 3, 6],
		[5, 2, 4, 3, 6],
	],
] as [number[], number[], number[]][])
	test(`expand [${from}] to [${shape}]`, async () => {
		const x = randomArray(new Random(6), from);
		await checkOp("expand", {
			inputs: [x],
			run: ([x]) => expand(x, shape),
			expected: elementwise.expand(x, to),
			gradients: (dy) => [elementwise.expandBackward(x, dy)],
		});
	});

test("transpose, flatten, squeeze and unsqueeze, with gradients", async () => {
	const x = randomArray(new Random(7), [3, 1, 5, 4]);
	await checkOp("transpose", {
		inputs: [x],
		run: ([x]) => transpose(x, 0, -1),
		expected: permuteReference(x, [3, 1, 2, 0]),
		gradients: (dy) => [permuteReference(dy, [3, 1, 2, 0])],
	});
	for (const [run, shape] of [
		[(x: Tensor) => flatten(x), [60]],
		[(x: Tensor) => flatten(x, 1, 2), [3, 5, 4]],
		[(x: Tensor) => squeeze(x), [3, 5, 4]],
		[(x: Tensor) => squeeze(x, [1, 2]), [3, 5, 4]],
		[(x: Tensor) => unsqueeze(x, 1), [3, 1, 1, 5, 4]],
		[(x: Tensor) => unsqueeze(x, -1), [3, 1, 5, 4, 1]],
	] as const)
		await checkOp("a view", {
			inputs: [x],
			run: ([x]) => run(x),
			expected: { shape: [...shape], data: x.data },
			gradients: (dy) => [{ shape: x.shape, data: dy.data }],
		});
	const gpu = await device();
	const scalar = gpu.tensor(5);
	assert.equal([...flatten(scalar).shape], [1]);
	assertThrows(() => expand(scalar, [-1]), ShapeError);
	assertThrows(() => expand(gpu.tensor([1, 2]), [3]), ShapeError, [[2], [3]]);
	assertThrows(() => unsqueeze(scalar, 1), ArgumentError, ["axis"]);
});

test("a permutation of 8 axes, and one of axes that can be merged", async () => {
	const x = map(randomArray(new Random(8), [2, 3, 2, 1, 2, 3, 2, 2, 2]), (_, i) => i);
	const order = [8, 7, 6, 5, 4, 3, 2, 1, 0];
	for (const gpu of await variants()) {
		const y = gpu.scope(() => permute(tensorOf(gpu, x), order));
		assertSame(await valuesOf(y), permuteReference(x, order).data, gpu.variants[0]);
		const walked = gpu.scope(() => strided("test", tensorOf(gpu, x), [3, 5], [7, -1], 9));
		assertSame(await valuesOf(walked), reference.strided(x, [3, 5], [7, -1], 9).data, "strided");
		const many = gpu.zeros([2, 2, 2, 2, 2, 2, 2, 2, 2]);
		assertThrows(() => permute(many, order), ArgumentError, ["permute", "9", "8"]);
		many.dispose();
	}
});

test("operations on shapes leave nothing behind", () =>
	checkMemory((gpu) => {
		const x = gpu.parameter(new Float32Array(24), [2, 3, 4]);
		cat(
			split(
				flip(
					pad(slice(x, 1, 1), [
						[1, 0],
						[0, 0],
						[0, 1],
					]),
					0,
				),
				2,
				1,
			),
			1,
		);
		x.dispose();
	}));

test.run();
