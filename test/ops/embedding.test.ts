import { DisposedError, DTypeError, embedding, ShapeError } from "tessera-gpu";
import { suite } from "uvu";
import { Random } from "../../src/base/random.js";
import { type Array64, array, sizeOf } from "../reference/array.js";
import * as reference from "../reference/embedding.js";
import { permute } from "../reference/permute.js";
import { assertThrows, checkOp, checkStepMemory, device, randomArray, randomIndices, tensorOf } from "../support.js";

const test = suite("embedding");

/** Checks values and gradients for these indices; with NCHW the rows are along axis 1. */
async function check(
	indices: Uint32Array | Int32Array,
	shape: number[],
	weight: Array64,
	layout?: "NCHW",
): Promise<void> {
	const rows = reference.embedding(indices, shape, weight);
	await checkOp(`indices [${shape}] into [${weight.shape}]`, {
		inputs: [weight],
		run: ([weight], gpu) => {
			const picks = indices instanceof Int32Array ? gpu.tensor(indices, shape) : gpu.tensor(indices, shape);
			return embedding(picks, weight, layout ? { layout } : {});
		},
		expected: layout ? permute(rows, [0, 3, 1, 2]) : rows,
		gradients: (dy) => [reference.embeddingBackward(indices, weight, layout ? permute(dy, [0, 2, 3, 1]) : dy)],
	});
}

const cases: [indices: number[], weight: number[], layout?: "NCHW"][] = [
	[[1], [1, 1]],
	[[7], [5, 3]],
	[
		[2, 3],
		[11, 67],
	],
	[
		[2, 3, 4, 2],
		[9, 5],
	],
	[[300], [7, 64]],
	[[1031], [512, 2]],
	[[67], [1030, 16]],
	[
		[3, 5, 7],
		[67, 13],
	],
	[[3, 5, 7], [67, 13], "NCHW"],
	[[2, 7, 7], [128, 16], "NCHW"],
	[[1, 1, 19], [3, 67], "NCHW"],
	[[5, 1, 1], [4, 1], "NCHW"],
];

for (const [i, [shape, weight, layout]] of cases.entries()) {
	test(`indices [${shape}] into [${weight}]${layout ? `, ${layout}` : ""}`, async () => {
		const random = new Random(400 + i);
		await check(randomIndices(random, sizeOf(shape), weight[0]), shape, randomArray(random, weight), layout);
	});
}

test("one row for all, and the others get no gradient", async () => {
	await check(new Uint32Array(500).fill(3), [500], randomArray(new Random(1), [6, 10]));
	await check(new Uint32Array(2 * 8 * 9).fill(5), [2, 8, 9], randomArray(new Random(1), [6, 10]), "NCHW");
});

test("an index outside of the rows gives zeros and no gradient", async () => {
	const weight = randomArray(new Random(2), [4, 3]);
	await check(Uint32Array.of(4, 0, 0xffffffff, 3, 5, 1, 0x80000000, 3), [2, 2, 2], weight);
	await check(Uint32Array.of(4, 0, 0xffffffff, 3, 5, 1, 0x80000000, 3), [2, 2, 2], weight, "NCHW");
	await check(Int32Array.of(4, 0, -1, 3, -5, 1, -0x80000000, 3), [2, 2, 2], weight);
	await check(Uint32Array.of(7, 9), [2], array([4, 3], weight.data));
});

test("leaves nothing behind", async () => {
	await checkStepMemory({
		inputs: [randomArray(new Random(3), [9, 4])],
		run: ([weight], gpu) =>
			embedding(gpu.tensor(randomIndices(new Random(4), 12, 9), [2, 2, 3]), weight, { layout: "NCHW" }),
	});
});

test("refuses what is no index and no matrix", async () => {
	const gpu = await device();
	const weight = tensorOf(gpu, randomArray(new Random(5), [4, 3]));
	const cube = tensorOf(gpu, randomArray(new Random(5), [4, 3, 2]));
	const indices = gpu.tensor(Uint32Array.of(0, 1), [2]);
	const floats = gpu.tensor([0, 1], [2]);
	// @ts-expect-error: the types refuse floats as well
	assertThrows(() => embedding(floats, weight), DTypeError);
	// @ts-expect-error: the types refuse integers as well
	assertThrows(() => embedding(indices, indices), DTypeError);
	assertThrows(() => embedding(indices, cube), ShapeError, [[4, 3, 2]]);
	assertThrows(() => embedding(indices, weight, { layout: "NCHW" }), ShapeError, [[2]]);
	indices.dispose();
	assertThrows(() => embedding(indices, weight), DisposedError);
	for (const tensor of [weight, cube, floats]) tensor.dispose();
});

test.run();
