import { DisposedError, DTypeError, relu } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { type Array64, array } from "../reference/array.js";
import * as reference from "../reference/elementwise.js";
import { assertThrows, checkOp, checkStepMemory, device, randomArray } from "../support.js";

const test = suite("relu");

/** Checks values and gradients. */
async function check(x: Array64): Promise<void> {
	await checkOp(`[${x.shape}]`, {
		inputs: [x],
		run: ([x]) => relu(x),
		expected: reference.relu(x),
		gradients: (dy) => [reference.reluBackward(x, dy)],
	});
}

for (const [i, shape] of [
	[],
	[1],
	[7],
	[256],
	[1031],
	[67, 71],
	[2, 3, 5, 7],
	[1, 1, 1, 1, 3],
	[130, 1, 9],
].entries()) {
	test(`[${shape}]`, () => check(randomArray(new Random(600 + i), shape)));
}

test("zero has no gradient, and the largest and smallest numbers pass", () =>
	check(array([8], [0, -0, 1e-30, -1e-30, Math.fround(3e38), Math.fround(-3e38), 1, -1])));

test("more elements than one row of workgroups covers", async () => {
	const gpu = await device();
	// At most 65,535 workgroups fit in a row, and each takes 256 elements.
	const size = 65_536 * 256 + 3;
	const data = new Float32Array(size);
	for (let i = 0; i < size; i++) data[i] = (i % 1013) - 500;
	const x = gpu.tensor(data, [size]);
	const y = relu(x);
	const values = await y.data();
	for (const tensor of [x, y]) tensor.dispose();
	let wrong = 0;
	for (let i = 0; i < size; i++) if (values[i] !== Math.max(data[i], 0)) wrong++;
	assert.is(wrong, 0);
});

test("leaves nothing behind", () =>
	checkStepMemory({ inputs: [randomArray(new Random(1), [3, 50])], run: ([x]) => relu(x) }));

test("refuses integers and tensors that were disposed of", async () => {
	const gpu = await device();
	const integers = gpu.tensor(Int32Array.of(1, 2), [2]);
	// @ts-expect-error: the types refuse integers as well
	assertThrows(() => relu(integers), DTypeError);
	integers.dispose();
	const x = gpu.tensor([1, 2], [2]);
	x.dispose();
	assertThrows(() => relu(x), DisposedError);
});

test.run();
