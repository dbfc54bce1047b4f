import { ArgumentError, DisposedError, DTypeError, logSoftmax, softmax } from "tessera-gpu";
import { suite } from "uvu";
import { Random } from "../../src/base/random.js";
import { type Array64, array } from "../reference/array.js";
import * as reference from "../reference/softmax.js";
import { assertThrows, checkOp, checkStepMemory, device, randomArray } from "../support.js";

const test = suite("softmax and logSoftmax");
const operations = {
	softmax: { run: softmax, forward: reference.softmax, backward: reference.softmaxBackward },
	logSoftmax: { run: logSoftmax, forward: reference.logSoftmax, backward: reference.logSoftmaxBackward },
};

const cases: [shape: number[], axis: number][] = [
	[[1], 0],
	[[7], 0],
	[[5, 7], 0],
	[[5, 7], 1],
	[[2, 10, 3, 5], 1],
	[[2, 128, 7, 7], 1],
	[[2, 5, 129], -1],
	[[3, 67], -1],
	[[1031, 3], 1],
	[[3, 1031], 1],
	[[1031, 2], 0],
	[[4, 1, 3], 1],
	// Rows by vectors, on adapters that compute on the CPU.
	[[67, 36], 1],
	// Few long rows, which are split.
	[[2, 20_001], 1],
	[[16_387, 3], 0],
];

for (const name of ["softmax", "logSoftmax"] as const) {
	const { run, forward, backward } = operations[name];
	const check = (x: Array64, axis: number) => {
		const positive = axis < 0 ? axis + x.shape.length : axis;
		return checkOp(`[${x.shape}] over axis ${axis}`, {
			inputs: [x],
			run: ([x]) => run(x, axis),
			expected: forward(x, positive),
			gradients: (dy) => [backward(x, positive, dy)],
		});
	};

	for (const [i, [shape, axis]] of cases.entries()) {
		test(`${name} of [${shape}] over axis ${axis}`, () => check(randomArray(new Random(900 + i), shape, -3, 3), axis));
	}

	test(`${name} of large numbers neither overflows nor vanishes`, async () => {
		await check(array([2, 3], [1000, 1001, 999, -1000, -1001, -1000.5]), 1);
		await check(array([2, 3], [60, -60, 0, -88, -90, -95]), 1);
		await check(array([3], [-30000, 0, 30000]), 0);
	});

	test(`${name} leaves nothing behind`, () =>
		checkStepMemory({ inputs: [randomArray(new Random(1), [6, 9, 4])], run: ([x]) => run(x, 1) }));

	test(`${name} refuses an axis that is not there, integers, and what was disposed of`, async () => {
		const gpu = await device();
		const x = gpu.tensor([1, 2], [1, 2]);
		for (const axis of [2, -3, 0.5]) assertThrows(() => run(x, axis), ArgumentError, [[1, 2]]);
		const integers = gpu.tensor(Int32Array.of(1, 2), [2]);
		// @ts-expect-error: the types refuse integers as well
		assertThrows(() => run(integers, 0), DTypeError);
		integers.dispose();
		x.dispose();
		assertThrows(() => run(x, 0), DisposedError);
	});
}

test.run();
