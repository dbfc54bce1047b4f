import { DisposedError, reshape, ShapeError } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { array } from "../reference/array.js";
import { assertThrows, checkOp, checkStepMemory, device, randomArray, tensorOf } from "../support.js";

const test = suite("reshape");

const cases: [from: number[], to: number[], shape: number[]][] = [
	[
		[2, 3, 4],
		[4, 6],
		[4, 6],
	],
	[[2, 3, 4], [-1], [24]],
	[[6], [2, -1], [2, 3]],
	[[1, 1], [], []],
	[[], [1, -1, 1], [1, 1, 1]],
	[
		[67, 71],
		[71, 67],
		[71, 67],
	],
];

for (const [from, to, shape] of cases) {
	test(`[${from}] as [${to}]`, () => {
		const x = randomArray(new Random(1), from);
		return checkOp("reshape", {
			inputs: [x],
			run: ([x]) => reshape(x, to),
			expected: array(shape, x.data),
			gradients: (dy) => [array(from, dy.data)],
		});
	});
}

test("keeps the elements when the tensor that it was made of is disposed of", async () => {
	const gpu = await device();
	const x = gpu.tensor([1, 2, 3, 4], [4]);
	const y = reshape(x, [2, 2]);
	x.dispose();
	const others = [gpu.tensor([5, 6, 7, 8], [4]), gpu.tensor([9, 9, 9, 9], [4])];
	assert.equal([...(await y.data())], [1, 2, 3, 4]);
	for (const tensor of [y, ...others]) tensor.dispose();
});

test("leaves nothing behind", () =>
	checkStepMemory({ inputs: [randomArray(new Random(2), [6, 9])], run: ([x]) => reshape(x, [9, -1]) }));

test("refuses shapes of another size, and what was disposed of", async () => {
	const gpu = await device();
	const x = tensorOf(gpu, randomArray(new Random(3), [2, 3]));
	for (const shape of [[5], [2, 2], [-1, 4], [0, -1], [-6], []]) {
		assertThrows(() => reshape(x, shape), ShapeError, [[2, 3], shape]);
	}
	assertThrows(() => reshape(x, [-1, -1]), ShapeError);
	x.dispose();
	assertThrows(() => reshape(x, [6]), DisposedError);
});

test.run();
