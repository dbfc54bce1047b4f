import { DTypeError, gatherImages, packImages, ShapeError } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { sizeOf } from "../reference/array.js";
import * as reference from "../reference/images.js";
import { assertClose, assertSame, assertThrows, checkMemory, device, randomIndices } from "../support.js";

const test = suite("packImages and gatherImages");

type Case = [shape: [number, number, number, number], picks: number, options?: { scale?: number; shift?: number }];

const cases: Case[] = [
	[[1, 1, 1, 1], 1],
	[[3, 1, 1, 1], 5],
	// Images whose bytes do not fill whole words.
	[[5, 1, 3, 3], 4],
	[[7, 3, 5, 7], 9],
	[[67, 1, 28, 28], 16],
	[[11, 3, 32, 32], 3],
	[[2, 1, 1, 1031], 2],
	[[4, 2, 3, 5], 7, { scale: 1, shift: 0 }],
	[[4, 2, 3, 5], 7, { scale: 2 / 255, shift: -1 }],
	[[4, 2, 3, 5], 7, { scale: 0.5 }],
];

for (const [i, [shape, picks, options]] of cases.entries()) {
	test(`${picks} of [${shape}] ${options ? JSON.stringify(options) : ""}`, async () => {
		const gpu = await device();
		const before = gpu.memory();
		const random = new Random(1300 + i);
		const pixels = Uint8Array.from({ length: sizeOf(shape) }, () => random.integer(256));
		const indices = randomIndices(random, picks, shape[0]);
		const packed = packImages(gpu, pixels, shape);
		const order = gpu.tensor(indices, [picks]);
		const [images, again] = [gatherImages(packed, order, options), gatherImages(packed, order, options)];
		assert.equal([...images.shape], [picks, ...shape.slice(1)]);
		assert.is(images.requiresGrad, false);
		const expected = reference.gatherImages(pixels, shape, indices, options?.scale, options?.shift);
		const values = await images.data();
		assertClose(values, expected.data, 1e-6, "images");
		assertSame(await again.data(), values, "second run");
		for (const made of [packed, order, images, again]) made.dispose();
		assert.is(gpu.memory().buffers, before.buffers, "buffers alive");
	});
}

test("an index past the end gives zeros", async () => {
	const gpu = await device();
	const packed = packImages(gpu, Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255), [2, 1, 1, 4]);
	const order = gpu.tensor(Uint32Array.of(1, 2, 3, 2 ** 31, 2 ** 32 - 1), [5]);
	const values = await gatherImages(packed, order, { scale: 1, shift: 7 }).data();
	assert.equal([...values], [262, 262, 262, 262, ...new Array(16).fill(0)]);
	const signed = gpu.tensor(Int32Array.of(-1, 0), [2]);
	const mixed = await gatherImages(packed, signed, { scale: 1, shift: 7 }).data();
	assert.equal([...mixed], [0, 0, 0, 0, 262, 262, 262, 262]);
	for (const made of [packed, order, signed]) made.dispose();
});

test("leaves nothing behind", async () => {
	const gpu = await device();
	const packed = packImages(gpu, new Uint8Array(6 * 15), [6, 1, 3, 5]);
	await checkMemory(() => gatherImages(packed, gpu.tensor(Uint32Array.of(5, 0, 3), [3])));
	packed.dispose();
});

test("refuses what does not fit", async () => {
	const gpu = await device();
	assertThrows(() => packImages(gpu, new Uint8Array(10), [2, 1, 2, 3]), ShapeError, [[2, 1, 2, 3]]);
	const packed = packImages(gpu, new Uint8Array(12), [2, 1, 2, 3]);
	const floats = gpu.tensor([0, 1], [2]);
	// @ts-expect-error: the types refuse floats as well
	assertThrows(() => gatherImages(packed, floats), DTypeError);
	const matrix = gpu.tensor(Uint32Array.of(0, 1), [1, 2]);
	assertThrows(() => gatherImages(packed, matrix), ShapeError, [[1, 2]]);
	for (const made of [packed, floats, matrix]) made.dispose();
});

test.run();
