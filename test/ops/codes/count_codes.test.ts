import { countCodes, DTypeError, ShapeError } from "tessera-gpu";
import { suite } from "uvu";
import { Random } from "../../../src/base/random.js";
import { sizeOf } from "../../reference/array.js";
import * as reference from "../../reference/codes.js";
import { assertSame, assertThrows, checkMemory, device, randomIndices } from "../../support.js";

const test = suite("countCodes");

for (const [shape, codes] of [
	[[1], 1],
	[[7], 5],
	[[1031], 3],
	[[2, 7, 7], 128],
	[[67], 1030],
	[[16, 16, 16], 512],
] as [number[], number][]) {
	test(`[${shape}] of ${codes}`, async () => {
		const gpu = await device();
		const random = new Random(1400 + codes);
		const counts = gpu.tensor(new Uint32Array(codes), [codes]);
		const expected = new Uint32Array(codes);
		for (let run = 0; run < 3; run++) {
			const codesOfRun = randomIndices(random, sizeOf(shape), codes);
			for (const [code, count] of reference.countCodes(codesOfRun, codes).entries()) expected[code] += count;
			const indices = gpu.tensor(codesOfRun, shape);
			countCodes(indices, counts);
			indices.dispose();
		}
		assertSame(await counts.data(), expected, "counts");
		counts.dispose();
	});
}

test("leaves out indices that are no codes", async () => {
	const gpu = await device();
	const counts = gpu.tensor(Uint32Array.of(10, 0, 0), [3]);
	const indices = gpu.tensor(Uint32Array.of(0, 3, 0xffffffff, 2, 2), [5]);
	countCodes(indices, counts);
	assertSame(await counts.data(), [11, 0, 2], "counts");
	for (const tensor of [counts, indices]) tensor.dispose();
});

test("leaves nothing behind", () =>
	checkMemory((gpu) => {
		countCodes(gpu.tensor(new Uint32Array(40), [40]), gpu.tensor(new Uint32Array(7), [7]));
	}));

test("refuses what does not fit", async () => {
	const gpu = await device();
	const [indices, floats, matrix] = [
		gpu.tensor(Uint32Array.of(0, 1), [2]),
		gpu.tensor([0, 1], [2]),
		gpu.tensor(new Uint32Array(4), [2, 2]),
	];
	// @ts-expect-error: the types refuse floats as well
	assertThrows(() => countCodes(floats, indices), DTypeError);
	// @ts-expect-error: the types refuse floats as well
	assertThrows(() => countCodes(indices, floats), DTypeError);
	assertThrows(() => countCodes(indices, matrix), ShapeError, [[2, 2]]);
	for (const tensor of [indices, floats, matrix]) tensor.dispose();
});

test.run();
