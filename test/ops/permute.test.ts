import { ArgumentError, DisposedError, permute } from "tessera-gpu";
import { suite } from "uvu";
import { Random } from "../../src/base/random.js";
import * as reference from "../reference/permute.js";
import { assertThrows, checkOp, checkStepMemory, device, randomArray, tensorOf } from "../support.js";

const test = suite("permute");

const cases: { shape: number[]; order: number[] }[] = [
	{ shape: [7], order: [0] },
	{ shape: [2, 3], order: [1, 0] },
	{ shape: [67, 71], order: [1, 0] },
	{ shape: [67, 71], order: [0, 1] },
	{ shape: [1, 1031], order: [1, 0] },
	{ shape: [2, 3, 4, 5], order: [0, 2, 3, 1] },
	{ shape: [2, 4, 5, 3], order: [0, 3, 1, 2] },
	{ shape: [2, 3, 4, 5], order: [3, 2, 1, 0] },
	{ shape: [3, 67, 5], order: [2, 0, 1] },
	{ shape: [1, 5, 1, 3], order: [2, 3, 0, 1] },
	{ shape: [130, 2, 3], order: [1, 0, 2] },
	{ shape: [2, 3, 1, 4, 3, 2], order: [4, 0, 3, 1, 5, 2] },
];

for (const [i, { shape, order }] of cases.entries()) {
	test(`[${shape}] as [${order}]`, () => {
		const x = randomArray(new Random(1200 + i), shape);
		return checkOp("permute", {
			inputs: [x],
			run: ([x]) => permute(x, order),
			expected: reference.permute(x, order),
			gradients: (dy) => [reference.permuteBackward(dy, order)],
		});
	});
}

test("there and back", () => {
	const x = randomArray(new Random(1), [2, 5, 3, 4]);
	return checkOp("permute", {
		inputs: [x],
		run: ([x]) => permute(permute(x, [0, 2, 3, 1]), [0, 3, 1, 2]),
		expected: x,
		gradients: (dy) => [dy],
	});
});

test("leaves nothing behind", () =>
	checkStepMemory({ inputs: [randomArray(new Random(2), [6, 9, 4])], run: ([x]) => permute(x, [2, 0, 1]) }));

test("refuses an order that is none, and what was disposed of", async () => {
	const gpu = await device();
	const x = tensorOf(gpu, randomArray(new Random(3), [2, 3, 4]));
	for (const order of [
		[0, 1],
		[0, 1, 1],
		[0, 1, 3],
		[0, 1, 2, 3],
		[0, 1, 0.5],
	]) {
		assertThrows(() => permute(x, order), ArgumentError, [[2, 3, 4]]);
	}
	x.dispose();
	assertThrows(() => permute(x, [0, 1, 2]), DisposedError);
});

test.run();
