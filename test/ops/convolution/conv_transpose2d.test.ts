import { ArgumentError, convTranspose2d, DisposedError, DTypeError, ShapeError } from "tessera-gpu";
import { suite } from "uvu";
import { Random } from "../../../src/base/random.js";
import * as reference from "../../reference/transposed_convolution.js";
import { assertThrows, checkOp, checkStepMemory, device, randomArray, tensorOf } from "../../support.js";

const test = suite("convTranspose2d");

type Case = [
	x: number[],
	weight: number[],
	options?: reference.TransposedConvolutionOptions & { bias?: boolean; tiled?: boolean },
];

/** `tiled`: also with the tiled kernels, of which every tile is a test in test/node/long. */
const cases: Case[] = [
	[[1, 1, 1, 1], [1, 1, 1, 1], { bias: true }],
	[[2, 3, 5, 4], [3, 5, 3, 3], { bias: true, tiled: true }],
	// The layers of the reference network, made small.
	[[2, 32, 4, 4], [32, 16, 4, 4], { stride: 2, padding: 1, bias: true, tiled: true }],
	[[2, 16, 7, 7], [16, 1, 4, 4], { stride: 2, padding: 1, bias: true, tiled: true }],
	[[2, 8, 5, 5], [8, 8, 3, 3], { padding: 1 }],
	// More channels and pixels than any tile has.
	[[1, 67, 5, 3], [67, 5, 1, 1], { bias: true }],
	[[1, 3, 5, 7], [3, 67, 4, 4], { stride: 2, padding: 1 }],
	[[1, 67, 4, 4], [67, 3, 2, 2], { stride: 2 }],
	[[1, 2, 35, 37], [2, 2, 4, 4], { stride: 2, padding: 1, bias: true }],
	// Strides larger than the kernel leave output pixels that only the bias reaches.
	[[2, 2, 4, 3], [2, 3, 2, 1], { stride: 3, bias: true, tiled: true }],
	[[1, 2, 3, 4], [2, 3, 1, 1], { stride: 2, outputPadding: 1 }],
	// Output padding, by axis.
	[[2, 3, 4, 4], [3, 2, 3, 3], { stride: 2, padding: 1, outputPadding: 1, bias: true }],
	[[1, 2, 3, 5], [2, 4, 5, 5], { stride: 3, padding: 2, outputPadding: [2, 1], bias: true }],
	[[2, 2, 4, 5], [2, 3, 2, 3], { stride: [2, 1], padding: [0, 2], outputPadding: [1, 0] }],
	// Dilation.
	[[1, 3, 5, 4], [3, 2, 3, 3], { dilation: 2, padding: 1, bias: true }],
	[
		[1, 2, 4, 5],
		[2, 3, 3, 2],
		{ dilation: [2, 1], stride: [3, 2], padding: [1, 0], outputPadding: [1, 1], tiled: true },
	],
	[[1, 2, 4, 3], [2, 2, 3, 3], { dilation: 2, stride: 2, padding: 2, outputPadding: 1 }],
	// Images of one row or one column, a kernel larger than the image.
	[[2, 3, 1, 9], [3, 4, 3, 4], { stride: 2, padding: [1, 1] }],
	[[2, 3, 11, 1], [3, 4, 4, 5], { stride: [2, 1], padding: [1, 2], bias: true }],
	// Groups: depthwise, depthwise with two outputs a channel, two of three channels each.
	[[2, 7, 4, 4], [7, 1, 4, 4], { groups: 7, stride: 2, padding: 1, bias: true }],
	[[1, 5, 4, 3], [5, 2, 3, 3], { groups: 5, stride: 2, padding: 1, outputPadding: 1 }],
	[[2, 6, 4, 5], [6, 4, 3, 3], { groups: 2, padding: 1, bias: true }],
	[[1, 6, 3, 4], [6, 3, 2, 2], { groups: 3, stride: 2, dilation: 2 }],
	// Batches that are laid out in blocks of 16 images.
	[[16, 5, 4, 3], [5, 9, 3, 3], { stride: 2, padding: 1, outputPadding: 1, bias: true }],
	[[33, 2, 3, 3], [2, 37, 2, 2], { stride: 2, bias: true }],
	[[15, 7, 4, 4], [7, 1, 3, 3], { padding: 1, bias: true, tiled: true }],
	[[16, 3, 3, 4], [3, 6, 2, 1], { stride: 3, outputPadding: 2, bias: true, tiled: true }],
	// With the tiled kernels: a weight gradient in splits, and dilation with two of three taps in no phase.
	[[2, 6, 20, 18], [6, 8, 3, 3], { stride: 2, padding: 1, outputPadding: 1, bias: true, tiled: true }],
	[[2, 4, 5, 4], [4, 7, 3, 3], { stride: 2, dilation: 2, padding: 1, bias: true, tiled: true }],
	// A bias gradient in splits that do not divide the pixels.
	[[16, 1, 11, 13], [1, 2, 3, 3], { padding: 1, bias: true }],
	[[16, 4, 3, 2], [4, 8, 3, 3], { dilation: 2, stride: [3, 2], padding: [1, 2], outputPadding: 1 }],
];

for (const [i, [xShape, weightShape, { bias, tiled = false, ...options } = {}]] of cases.entries()) {
	const title = `[${xShape}] with [${weightShape}] ${JSON.stringify(options)}${bias ? " and a bias" : ""}`;
	test(title, async () => {
		const random = new Random(200 + i);
		const outputs = weightShape[1] * (options.groups ?? 1);
		const shapes = bias ? [xShape, weightShape, [outputs]] : [xShape, weightShape];
		const inputs = shapes.map((shape) => randomArray(random, shape));
		await checkOp(title, {
			inputs,
			tiled,
			run: ([x, weight, bias]) => convTranspose2d(x, weight, bias ? { ...options, bias } : options),
			expected: reference.convTranspose2d(inputs[0], inputs[1], inputs[2], options),
			gradients: (dy) => {
				const { x, weight, bias } = reference.convTranspose2dBackward(inputs[0], inputs[1], dy, options);
				return inputs.length === 3 ? [x, weight, bias] : [x, weight];
			},
		});
	});
}

test("leaves nothing behind", async () => {
	const random = new Random(3);
	const inputs = [[2, 4, 3, 3], [4, 3, 4, 4], [6]].map((shape) => randomArray(random, shape));
	await checkStepMemory({
		inputs,
		run: ([x, weight, bias]) => convTranspose2d(x, weight, { bias, groups: 2, stride: 2, padding: 1 }),
	});
});

test("refuses shapes that do not fit, and prints them", async () => {
	const gpu = await device();
	gpu.scope(() => {
		const of = (...shape: number[]) => tensorOf(gpu, randomArray(new Random(4), shape));
		const x = of(2, 4, 5, 6);
		const refuse = (weight: number[], options = {}) =>
			assertThrows(() => convTranspose2d(x, of(...weight), options), ShapeError, [x.shape, weight]);
		refuse([3, 6, 3, 3]);
		refuse([2, 6, 3, 3], { groups: 2 });
		assertThrows(() => convTranspose2d(x, of(4, 6, 3)), ShapeError, [[4, 6, 3]]);
		// So much padding that no output is left.
		refuse([4, 6, 1, 1], { padding: 3 });
		assertThrows(() => convTranspose2d(of(4, 5, 6), of(4, 6, 3, 3)), ShapeError, [[4, 5, 6]]);
		assertThrows(() => convTranspose2d(x, of(4, 6, 3, 3), { bias: of(4) }), ShapeError, [[4], [6]]);
	});
});

test("refuses options out of their range", async () => {
	const gpu = await device();
	gpu.scope(() => {
		const [x, weight] = [
			[2, 4, 5, 6],
			[4, 6, 3, 3],
		].map((shape) => tensorOf(gpu, randomArray(new Random(5), shape)));
		for (const options of [{ stride: 0 }, { stride: 1.5 }, { padding: -1 }, { dilation: 0 }, { groups: 0 }]) {
			assertThrows(() => convTranspose2d(x, weight, options), ArgumentError);
		}
		// As in PyTorch, output padding is smaller than the stride or the dilation.
		for (const options of [{ outputPadding: 1 }, { stride: 2, outputPadding: 2 }, { outputPadding: -1 }]) {
			assertThrows(() => convTranspose2d(x, weight, options), ArgumentError);
		}
	});
});

test("refuses integers and tensors that were disposed of", async () => {
	const gpu = await device();
	const weight = tensorOf(gpu, randomArray(new Random(6), [1, 1, 1, 1]));
	const integers = gpu.tensor(Uint32Array.of(1, 2, 3, 4), [1, 1, 2, 2]);
	// @ts-expect-error: the types refuse integers as well
	assertThrows(() => convTranspose2d(integers, weight), DTypeError);
	const x = tensorOf(gpu, randomArray(new Random(7), [1, 1, 2, 2]));
	x.dispose();
	assertThrows(() => convTranspose2d(x, weight), DisposedError);
	for (const tensor of [weight, integers]) tensor.dispose();
});

test.run();
