import { DisposedError, DTypeError, type Gpu, nearestCode, ShapeError } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/nn/random.js";
import { type Array64, map } from "../reference/array.js";
import * as reference from "../reference/nearest_code.js";
import {
	assertSame,
	assertThrows,
	checkMemory,
	device,
	parameterOf,
	randomArray,
	tensorOf,
	variants,
} from "../support.js";

const test = suite("nearestCode");

/** How much farther than the nearest code a pick may be, over |z|² + |e|², because float32 cannot tell. */
const indistinguishable = 1e-5;

/** The picks of each variant of the kernel. */
async function picks(z: Array64, codebook: Array64): Promise<Uint32Array[]> {
	const all: Uint32Array[] = [];
	for (const gpu of await variants()) all.push(await pick(gpu, z, codebook));
	return all;
}

/** The picks of one device, from two runs with the same bits. */
async function pick(gpu: Gpu, z: Array64, codebook: Array64): Promise<Uint32Array> {
	const tensors = [tensorOf(gpu, z), tensorOf(gpu, codebook)] as const;
	const indices = nearestCode(...tensors);
	const again = nearestCode(...tensors);
	assert.is(indices.dtype, "uint32");
	assert.equal([...indices.shape], z.shape.length === 2 ? [z.shape[0]] : [z.shape[0], z.shape[2], z.shape[3]]);
	const [first, second] = await Promise.all([indices.data(), again.data()]);
	assertSame(second, first, "second run");
	for (const tensor of [...tensors, indices, again]) tensor.dispose();
	return first;
}

/** Checks that each pick is the nearest code, but for the few that float32 cannot tell apart. */
async function check(z: Array64, codebook: Array64): Promise<void> {
	const { indices, margins } = reference.nearestCode(z, codebook);
	for (const picked of await picks(z, codebook)) checkPicks(picked, z, codebook, indices, margins);
}

function checkPicks(
	picked: Uint32Array,
	z: Array64,
	codebook: Array64,
	indices: ArrayLike<number> & Iterable<number>,
	margins: ArrayLike<number>,
): void {
	let excused = 0;
	[...indices].forEach((index, n) => {
		if (picked[n] === index) return;
		const excess = reference.excessOf(z, codebook, n, picked[n], index);
		const place = `row ${n}: ${picked[n]} instead of ${index}, farther by ${excess}`;
		assert.ok(picked[n] < codebook.shape[0] && excess <= indistinguishable && margins[n] <= indistinguishable, place);
		excused++;
	});
	assert.ok(
		excused <= 1 + indices.length / 100,
		`${excused} of ${indices.length} picks differ, each by next to nothing`,
	);
}

const cases: [z: number[], codes: number][] = [
	[[1, 1], 1],
	[[1, 3], 2],
	[[7, 3], 5],
	[[5, 67], 3],
	[[67, 16], 128],
	[[129, 64], 67],
	[[33, 5], 512],
	[[300, 17], 71],
	[[1031, 32], 257],
	[[64, 128], 64],
	[[2, 16, 7, 7], 128],
	[[3, 7, 5, 3], 37],
	[[1, 64, 1, 1], 512],
	[[1, 1, 9, 11], 2],
	[[5, 64, 1, 13], 33],
	[[2, 8, 17, 1], 40],
];

for (const [i, [shape, codes]] of cases.entries()) {
	test(`[${shape}] among ${codes} codes`, async () => {
		const random = new Random(300 + i);
		await check(randomArray(random, shape), randomArray(random, [codes, shape[1]]));
	});
}

test("a codebook as it is initialised: codes far smaller than z", async () => {
	const random = new Random(1);
	await check(randomArray(random, [200, 16]), randomArray(random, [128, 16], -1 / 128, 1 / 128));
});

test("codes far from z, all in one direction", async () => {
	const random = new Random(2);
	await check(randomArray(random, [100, 8], 3, 4), randomArray(random, [50, 8], -4, -3));
});

test("ties go to the lowest index", async () => {
	const random = new Random(3);
	for (const [shape, codes] of cases.filter(([, codes]) => codes > 2)) {
		// Small integers: every distance is exact in float32, and many are equal.
		const whole = (shape: number[], low: number, high: number) =>
			map(randomArray(random, shape, low, high), Math.round);
		const [z, codebook] = [whole(shape, -2, 2), whole([codes, shape[1]], -1, 1)];
		for (const picked of await picks(z, codebook))
			assertSame(picked, reference.nearestCode(z, codebook).indices, `[${shape}] among ${codes}`);
	}
});

test("equal codes: the first of them, wherever they lie", async () => {
	const random = new Random(4);
	const z = randomArray(random, [97, 16]);
	const same = map(randomArray(random, [150, 16]), (_, i) => Math.fround(Math.sin(i % 16)));
	for (const picked of await picks(z, same)) assertSame(picked, new Uint32Array(97), "all equal");
	for (const [first, second] of [
		[0, 149],
		[3, 66],
		[63, 64],
		[127, 128],
		[31, 33],
	]) {
		const codebook = randomArray(random, [150, 16], 5, 6);
		codebook.data.copyWithin(first * 16, second * 16, second * 16 + 16);
		const nearby = map(codebook, (value) => Math.fround(value * 0.999));
		const rows = { shape: [2, 16], data: nearby.data.slice(second * 16, second * 16 + 16) };
		rows.data = Float64Array.of(...rows.data, ...rows.data);
		for (const picked of await picks(rows, codebook)) assertSame(picked, [first, first], `${first} and ${second}`);
	}
});

test("z that is a code itself finds it", async () => {
	const codebook = randomArray(new Random(5), [130, 12]);
	const expected = Uint32Array.from({ length: 130 }, (_, k) => k);
	for (const picked of await picks(codebook, codebook)) assertSame(picked, expected, "codes");
});

test("records no gradient", async () => {
	const gpu = await device();
	const random = new Random(6);
	const [z, codebook] = [parameterOf(gpu, randomArray(random, [3, 2])), parameterOf(gpu, randomArray(random, [4, 2]))];
	const indices = nearestCode(z, codebook);
	assert.is(indices.requiresGrad, false);
	for (const tensor of [z, codebook, indices]) tensor.dispose();
});

test("leaves nothing behind", async () => {
	await checkMemory((gpu) => {
		const random = new Random(7);
		const codebook = tensorOf(gpu, randomArray(random, [50, 8]));
		nearestCode(tensorOf(gpu, randomArray(random, [40, 8])), codebook);
		nearestCode(tensorOf(gpu, randomArray(random, [2, 8, 3, 5])), codebook);
	});
});

test("refuses shapes that do not fit, and prints them", async () => {
	const gpu = await device();
	gpu.scope(() => {
		const of = (...shape: number[]) => tensorOf(gpu, randomArray(new Random(8), shape));
		for (const { z, codebook } of [
			{ z: [5, 3], codebook: [4, 2] },
			{ z: [2, 3, 4, 4], codebook: [8, 4] },
			{ z: [2, 3, 4], codebook: [8, 3] },
		]) {
			assertThrows(() => nearestCode(of(...z), of(...codebook)), ShapeError, [z, codebook]);
		}
		for (const codebook of [[3], [2, 2, 3]]) {
			assertThrows(() => nearestCode(of(5, 3), of(...codebook)), ShapeError, [codebook]);
		}
	});
});

test("refuses integers and tensors that were disposed of", async () => {
	const gpu = await device();
	const codebook = tensorOf(gpu, randomArray(new Random(9), [4, 2]));
	const integers = gpu.tensor(Int32Array.of(1, 2, 3, 4), [2, 2]);
	// @ts-expect-error: the types refuse integers as well
	assertThrows(() => nearestCode(integers, codebook), DTypeError);
	const z = tensorOf(gpu, randomArray(new Random(9), [3, 2]));
	z.dispose();
	assertThrows(() => nearestCode(z, codebook), DisposedError);
	for (const tensor of [codebook, integers]) tensor.dispose();
});

test.run();
