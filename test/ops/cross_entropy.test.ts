import { crossEntropy, DisposedError, DTypeError, ShapeError, type Tensor } from "tessera-gpu";
import { suite } from "uvu";
import { Random } from "../../src/base/random.js";
import { type Array64, array, sizeOf } from "../reference/array.js";
import * as reference from "../reference/losses.js";
import { assertThrows, checkOp, checkStepMemory, device, randomArray, randomIndices, tensorOf } from "../support.js";

const test = suite("crossEntropy");

/** Checks loss and gradient; without an axis the classes are along axis 1. */
async function check(logits: Array64, targets: Uint32Array | Int32Array, axis?: number): Promise<void> {
	const classAxis = axis === undefined ? 1 : axis < 0 ? axis + logits.shape.length : axis;
	const shape = logits.shape.toSpliced(classAxis, 1);
	await checkOp(`[${logits.shape}] over axis ${classAxis}`, {
		inputs: [logits],
		run: ([logits], gpu) => {
			const labels: Tensor<"int32"> | Tensor<"uint32"> =
				targets instanceof Int32Array ? gpu.tensor(targets, shape) : gpu.tensor(targets, shape);
			return crossEntropy(logits, labels, axis === undefined ? {} : { axis });
		},
		expected: array([], [reference.crossEntropy(logits, targets, classAxis)]),
		gradients: (dy) => [reference.crossEntropyBackward(logits, targets, classAxis, dy.data[0])],
	});
}

const cases: [logits: number[], axis?: number][] = [
	[[1, 1]],
	[[5, 7]],
	[[300, 67]],
	[[3, 1031]],
	[[2, 128, 7, 7]],
	[[3, 2, 131]],
	[[7, 5], 0],
	[[2, 3, 5, 17], -1],
	[[2, 3, 5, 67], 3],
	[[4, 3, 5], 1],
];

for (const [i, [shape, axis]] of cases.entries()) {
	test(`[${shape}] over axis ${axis ?? "1 by default"}`, async () => {
		const random = new Random(1000 + i);
		const classes = shape.at(axis ?? 1) ?? 1;
		const targets = randomIndices(random, sizeOf(shape) / classes, classes);
		await check(randomArray(random, shape, -3, 3), i % 2 === 0 ? targets : Int32Array.from(targets), axis);
	});
}

test("sure of the right and of the wrong class", () =>
	check(array([3, 2], [100, -100, 100, -100, 0, 0]), Uint32Array.of(0, 1, 1)));

test("a target that is no class has an infinite loss and no gradient", async () => {
	const random = new Random(4);
	await check(randomArray(random, [5, 3]), Uint32Array.of(0, 3, 7, 1, 2));
	await check(randomArray(random, [2, 3, 2]), Int32Array.of(-1, 1, 3, 2));
});

test("leaves nothing behind", () =>
	checkStepMemory({
		inputs: [randomArray(new Random(1), [6, 9, 4])],
		run: ([logits], gpu) => crossEntropy(logits, gpu.tensor(randomIndices(new Random(2), 24, 9), [6, 4])),
	}));

test("refuses what does not fit", async () => {
	const gpu = await device();
	gpu.scope(() => {
		const logits = tensorOf(gpu, randomArray(new Random(3), [4, 5, 3]));
		const targets = gpu.tensor(new Uint32Array(12), [4, 3]);
		for (const shape of [[4], [3, 4], [4, 5, 3], [12]]) {
			const labels = gpu.tensor(new Uint32Array(sizeOf(shape)), shape);
			assertThrows(() => crossEntropy(logits, labels), ShapeError, [logits.shape, shape]);
		}
		const floats = gpu.tensor(new Float32Array(12), [4, 3]);
		// @ts-expect-error: the types refuse floats as well
		assertThrows(() => crossEntropy(logits, floats), DTypeError);
		logits.dispose();
		assertThrows(() => crossEntropy(logits, targets), DisposedError);
	});
});

test.run();
