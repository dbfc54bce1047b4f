import { conv2d, DisposedError, DTypeError, type Gpu, nearestCode, ShapeError } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../../src/base/random.js";
import { type Array64, array, map } from "../../reference/array.js";
import * as reference from "../../reference/nearest_code.js";
import {
	assertSame,
	assertThrows,
	checkMemory,
	device,
	parameterOf,
	randomArray,
	tensorOf,
	variants,
} from "../../support.js";

const test = suite("nearestCode");

/** The picks of each variant of the kernel. */
async function picks(z: Array64, codebook: Array64): Promise<Uint32Array[]> {
	const all: Uint32Array[] = [];
	for (const gpu of await variants({ tiled: true })) all.push(await pick(gpu, z, codebook));
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

/** Checks that no pick is farther than the nearest code by more than float32's rounding of the two distances. */
async function check(z: Array64, codebook: Array64, message = ""): Promise<void> {
	const indices = reference.nearestCode(z, codebook);
	for (const picked of await picks(z, codebook))
		for (const [n, index] of indices.entries()) {
			if (picked[n] === index) continue;
			const excess =
				picked[n] < codebook.shape[0] ? reference.excessOf(z, codebook, n, picked[n], index) : Number.POSITIVE_INFINITY;
			assert.ok(excess <= 1, `${message} row ${n}: ${picked[n]} instead of ${index}, farther by ${excess} roundings`);
		}
}

/** Numbers around a mean, as float32 has them. */
function around(random: Random, shape: number[], mean: number, spread: number): Array64 {
	return map(randomArray(random, shape), () => Math.fround(mean + spread * random.normal()));
}

test("codes at the largest magnitudes", async () => {
	const codebook = array([4, 2], [-3e38, -3e38, 3e38, 3e38, 2.6e38, 2.6e38, 2.7e38, 2.7e38]);
	for (const picked of await picks(array([3, 2], [0, 0, 3e38, 3e38, -2e38, -1e38]), codebook))
		assertSame(picked, Uint32Array.of(2, 1, 0), "of all distances over the largest float");
});

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

for (const mean of [0, 1, 10, 1000])
	test(`codes and vectors around ${mean}, spread from 1 to 0.001`, async () => {
		const random = new Random(20 + mean);
		for (const spread of [1, 0.1, 0.01, 0.001])
			for (const [vectors, codes, dimensions] of [
				[200, 64, 16],
				[160, 300, 1],
				[130, 67, 3],
				[64, 31, 64],
				[80, 1100, 2],
			])
				await check(
					around(random, [vectors, dimensions], mean, spread),
					around(random, [codes, dimensions], mean, spread),
					`${vectors} × ${codes} × ${dimensions}, spread ${spread},`,
				);
		// In blocks of images as in rows.
		await check(around(random, [5, 16, 3, 5], mean, 0.01), around(random, [64, 16], mean, 0.01), "images,");
	});

test("clusters of codes far from each other, and from the origin", async () => {
	const random = new Random(30);
	const centres = [-1000, 0, 3000];
	const near = (shape: number[]) =>
		map(around(random, shape, 0, 0.01), (value, i) => Math.fround(value + centres[Math.floor(i / shape[1]) % 3]));
	await check(near([300, 16]), near([129, 16]));
	await check(array([1, 1], [512695]), array([2, 1], [512804, 512695]));
	await check(array([5, 1], [512695, 1, 2, 3, 4]), array([1024, 1], [512804, ...new Float64Array(1022), 512695]));
});

test("two neighbouring codes are near and the others far, all of them far from the origin", async () => {
	// Only the distances of these two are undecided, and one lane has both.
	for (const first of [0, 6, 512]) {
		const random = new Random(32 + first);
		const centre = around(random, [1, 16], 1000, 1).data;
		const near = (count: number) =>
			map(around(random, [count, 16], 0, 0.01), (value, i) => Math.fround(value + centre[i % 16]));
		const codebook = map(around(random, [1024, 16], 0, 1), (value, i) => Math.fround(value - centre[i % 16]));
		codebook.data.set(near(2).data, first * 16);
		await check(near(64), codebook, `from code ${first} on,`);
	}
});

test("vectors of several parts, and of a tensor that a convolution left in blocks", async () => {
	const random = new Random(33);
	const codebook = around(random, [64, 64], 10, 0.01);
	const z = around(random, [64, 64, 6, 6], 10, 0.01);
	await check(z, codebook, "parts,");
	const images = around(random, [19, 16, 2, 3], 10, 0.01);
	const codes = around(random, [64, 16], 10, 0.01);
	const indices = reference.nearestCode(images, codes);
	for (const gpu of await variants({ tiled: true })) {
		const picked = gpu.scope(() => {
			const identity = Float32Array.from({ length: 256 }, (_, i) => (i % 17 === 0 ? 1 : 0));
			return nearestCode(conv2d(tensorOf(gpu, images), gpu.tensor(identity, [16, 16, 1, 1])), tensorOf(gpu, codes));
		});
		for (const [n, code] of (await picked.data()).entries())
			if (code !== indices[n])
				assert.ok(reference.excessOf(images, codes, n, code, indices[n]) <= 1, `row ${n}: ${code}`);
		picked.dispose();
	}
});

test("more undecided rows than a workgroup has, and as many as are cut into slices", async () => {
	const z = map(randomArray(new Random(31), [700, 7]), () => 0.25);
	for (const picked of await picks(
		z,
		map(randomArray(new Random(32), [150, 7]), () => 0.5),
	))
		assertSame(picked, new Uint32Array(700), "equal codes");
	// 3 · 200,000 · 1024 operations: two dispatches on CPU adapters. The first and the last vector are between two codes.
	const rows = new Float64Array(200_000).fill(500);
	rows[0] = 4.5;
	rows[rows.length - 1] = 1000.5;
	const expected = Uint32Array.from(rows, Math.floor);
	const codes = Float64Array.from({ length: 1024 }, (_, k) => k);
	assertSame(await pick(await device(), array([rows.length, 1], rows), array([1024, 1], codes)), expected, "slices");
});

const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];

/** Vectors and codes that are not finite, or whose squares are not, each with the index that torch.argmin gives. */
const extremes: [z: number[], codebook: number[][], index: number][] = [
	[
		[nan, 1],
		[
			[5, 5],
			[1, 1],
		],
		0,
	],
	[
		[1, nan, 2],
		[
			[5, 5, 5],
			[1, 1, 1],
			[1, 1, 2],
		],
		0,
	],
	[
		[1, 2],
		[
			[1, 2],
			[nan, 2],
			[1, nan],
		],
		1,
	],
	[
		[inf, 1, 2],
		[
			[1, 1, 2],
			[3, 4, 5],
		],
		0,
	],
	[
		[-inf, 1],
		[
			[1, 1],
			[-inf, 1],
			[3, 4],
		],
		1,
	],
	[
		[3, 3],
		[
			[1e20, 1e20],
			[3, 4],
			[-1e20, 0],
		],
		1,
	],
	[
		[2e20, 2e20],
		[
			[1e20, 1e20],
			[3, 4],
			[2e20, 2.1e20],
		],
		2,
	],
	[[-1e38], [[4], [5], [67]], 0],
	[
		[3e38, 3e38],
		[
			[-3e38, 1],
			[3e38, -3e38],
			[3e38, 2e38],
		],
		2,
	],
	[
		[1e20, 1],
		[
			[1e20, 2],
			[1e20, 1],
			[1e20, 1],
		],
		1,
	],
];

test("vectors and codes that are not finite, or whose squares are not: an index of a code, as torch.argmin", async () => {
	// Among ordinary vectors, and among enough codes for the variant on blocked tensors.
	for (const [vector, codebook, index] of extremes)
		for (const padding of [0, 1024]) {
			const dimensions = vector.length;
			const far = Array.from({ length: padding }, () => vector.map(() => -0.75e38));
			const codes = array([codebook.length + padding, dimensions], [...codebook, ...far].flat());
			const others = vector.map(() => 0.5);
			const rows = [others, vector, others, others, others, others, vector];
			for (const picked of await picks(array([rows.length, dimensions], rows.flat()), codes)) {
				const message = `${vector} among ${codebook.map((code) => `[${code}]`)} and ${padding} more`;
				if (padding === 0 || !(Math.abs(vector[0]) > 1e37)) assert.is(picked[1], index, message);
				assert.is(picked[6], picked[1], message);
				assert.ok(
					picked.every((code) => code < codebook.length + padding),
					message,
				);
				const ordinary = codebook.every((code) => code.every((value) => !Number.isNaN(value)));
				if (ordinary) assert.is(picked[0], reference.nearestCode(array([1, dimensions], others), codes)[0], message);
			}
		}
});

test("ties go to the lowest index", async () => {
	const random = new Random(3);
	for (const [shape, codes] of cases.filter(([, codes]) => codes > 2)) {
		// Small integers: every distance is exact in float32, and many are equal.
		const whole = (shape: number[], low: number, high: number) =>
			map(randomArray(random, shape, low, high), Math.round);
		const [z, codebook] = [whole(shape, -2, 2), whole([codes, shape[1]], -1, 1)];
		for (const picked of await picks(z, codebook))
			assertSame(picked, reference.nearestCode(z, codebook), `[${shape}] among ${codes}`);
	}
});

test("equal codes: the first of them, at any distance from each other", async () => {
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
