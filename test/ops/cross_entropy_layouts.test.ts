import { conv2d, DisposedError, ShapeError, type Tensor } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { crossEntropy } from "../../src/ops/cross_entropy.js";
import { type Array64, array, sizeOf } from "../reference/array.js";
import * as convolution from "../reference/convolution.js";
import * as reference from "../reference/losses.js";
import { assertThrows, checkOp, checkStepMemory, device, randomArray, randomIndices, tensorOf } from "../support.js";

const test = suite("crossEntropy of a convolution");

/** Logits from a convolution: blocked, if the device has the blocked variant. */
async function check(logits: Array64, codes: Uint32Array): Promise<void> {
	const [batch, classes, ...grid] = logits.shape;
	const identity = array(
		[classes, classes, 1, 1],
		Array.from({ length: classes ** 2 }, (_, i) => (i % (classes + 1) === 0 ? 1 : 0)),
	);
	await checkOp(`[${logits.shape}]`, {
		inputs: [logits, identity],
		run: ([x, weight], gpu) => crossEntropy(conv2d(x as Tensor, weight as Tensor), gpu.tensor(codes, [batch, ...grid])),
		expected: array([], [reference.crossEntropy(logits, codes, 1)]),
		gradients: (dy) => {
			const dx = reference.crossEntropyBackward(logits, codes, 1, dy.data[0]);
			return [dx, convolution.conv2dBackward(logits, identity, dx).weight];
		},
	});
}

for (const [i, shape] of [
	[1, 1, 1, 1],
	[4, 1, 1, 1],
	[3, 5, 2, 3],
	[16, 7, 3, 1],
	[19, 6, 5, 3],
	[5, 131, 2, 2],
].entries())
	test(`[${shape}]`, async () => {
		const random = new Random(i);
		const [, classes] = shape as [number, number];
		// In every other case one more than there are classes: a code that is none.
		await check(randomArray(random, shape, -3, 3), randomIndices(random, sizeOf(shape) / classes, classes + (i % 2)));
	});

test("sure of the right and of the wrong code", () =>
	check(array([4, 2, 1, 1], [100, -100, 100, -100, 0, 0, -100, 100]), Uint32Array.of(0, 1, 1, 1)));

test("an offset that all logits share takes nothing away", () => {
	const random = new Random(9);
	const logits = randomArray(random, [5, 4, 2, 2], -3, 3);
	// What float32 keeps of them at this size, in both.
	const shifted = array(
		logits.shape,
		Array.from(logits.data, (value) => Math.fround(1e4 + value)),
	);
	return check(shifted, randomIndices(random, 20, 4));
});

test("blocked logits are not converted", async () => {
	const gpu = await device();
	const random = new Random(1);
	gpu.scope(() => {
		const x = tensorOf(gpu, randomArray(random, [16, 3, 2, 2]));
		const logits = conv2d(x, tensorOf(gpu, randomArray(random, [5, 3, 1, 1])));
		const before = gpu.counters().dispatches;
		crossEntropy(logits, gpu.tensor(randomIndices(random, 64, 5), [16, 2, 2]));
		assert.is(gpu.counters().dispatches - before, logits.layout === "contiguous" ? 3 : 2);
	});
});

test("leaves nothing behind", () =>
	checkStepMemory({
		inputs: [randomArray(new Random(1), [6, 9, 2, 2]), randomArray(new Random(2), [9, 9, 1, 1])],
		run: ([x, weight], gpu) =>
			crossEntropy(conv2d(x as Tensor, weight as Tensor), gpu.tensor(randomIndices(new Random(3), 24, 9), [6, 2, 2])),
	}));

test("refuses what does not fit", async () => {
	const gpu = await device();
	gpu.scope(() => {
		const random = new Random(4);
		const x = tensorOf(gpu, randomArray(random, [8, 3, 2, 3]));
		const logits = conv2d(x, tensorOf(gpu, randomArray(random, [5, 3, 1, 1])));
		for (const shape of [
			[8, 3, 2],
			[8, 6],
			[7, 2, 3],
		])
			assertThrows(() => crossEntropy(logits, gpu.tensor(new Uint32Array(sizeOf(shape)), shape)), ShapeError, [
				logits.shape,
				shape,
			]);
		logits.dispose();
		assertThrows(() => crossEntropy(logits, gpu.tensor(new Uint32Array(48), [8, 2, 3])), DisposedError);
	});
});

test.run();
