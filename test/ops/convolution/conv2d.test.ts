import {
	ArgumentError,
	add,
	backward,
	conv2d,
	DisposedError,
	DTypeError,
	mul,
	openDevice,
	type Parameter,
	relu,
	ShapeError,
	stopGradient,
	sum,
	type Tensor,
} from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../../src/base/random.js";
import * as reference from "../../reference/convolution.js";
import * as elementwise from "../../reference/elementwise.js";
import {
	assertClose,
	assertSame,
	assertThrows,
	checkOp,
	checkStepMemory,
	device,
	parameterOf,
	randomArray,
	tensorOf,
	variants,
} from "../../support.js";

const test = suite("conv2d");

type Case = [
	x: number[],
	weight: number[],
	options?: reference.ConvolutionOptions & { bias?: boolean; tiled?: boolean },
];

/** `tiled`: also with the tiled kernels, of which every tile is a test in test/node/long. */
const cases: Case[] = [
	[[1, 1, 1, 1], [1, 1, 1, 1], { bias: true }],
	[[2, 3, 7, 5], [5, 3, 3, 3], { padding: 1, bias: true, tiled: true }],
	[[2, 3, 7, 5], [4, 3, 3, 3], { tiled: true }],
	// The layers of the reference network, made small.
	[[2, 1, 12, 12], [16, 1, 4, 4], { stride: 2, padding: 1, bias: true }],
	[[2, 16, 6, 6], [32, 16, 4, 4], { stride: 2, padding: 1, bias: true }],
	[[3, 8, 7, 7], [8, 8, 3, 3], { padding: 1, tiled: true }],
	[[2, 16, 5, 7], [8, 16, 1, 1], { bias: true }],
	// 1×1, over more channels and pixels than any tile has.
	[[1, 67, 9, 15], [71, 67, 1, 1], { bias: true }],
	[[1, 67, 5, 5], [3, 67, 3, 3], { padding: 1, tiled: true }],
	[[2, 2, 11, 13], [67, 2, 3, 3], { stride: 2, bias: true }],
	[[1, 1, 67, 71], [2, 1, 3, 3], { padding: 1, bias: true }],
	[[37, 1, 3, 3], [2, 1, 2, 2], { bias: true }],
	// Kernels and strides that differ by axis.
	[[2, 3, 8, 9], [4, 3, 2, 3], { stride: [1, 3], padding: [0, 2], bias: true }],
	[[1, 2, 13, 11], [3, 2, 5, 5], { stride: 3, padding: 2 }],
	[[2, 2, 10, 9], [3, 2, 3, 2], { stride: [3, 2], padding: [2, 1], dilation: [1, 2], tiled: true }],
	[[1, 3, 9, 9], [4, 3, 3, 3], { dilation: 2, padding: 2, bias: true }],
	[[1, 2, 11, 8], [2, 2, 3, 3], { dilation: [2, 1], stride: 2 }],
	// Rows and columns at the end that no tap reaches.
	[[1, 2, 8, 8], [3, 2, 1, 1], { stride: 3 }],
	[[2, 2, 8, 6], [3, 2, 3, 3], { stride: 3, bias: true }],
	// A kernel larger than the image, and images of one row or one column.
	[[1, 2, 2, 3], [3, 2, 5, 5], { padding: 2, bias: true }],
	[[2, 3, 1, 17], [4, 3, 1, 3], { padding: [0, 1] }],
	[[2, 3, 19, 1], [4, 3, 3, 3], { padding: 1, stride: 2, bias: true }],
	// Groups: depthwise, depthwise with two outputs a channel, two of three channels each, and one per image channel.
	[[2, 7, 6, 6], [7, 1, 3, 3], { padding: 1, groups: 7, bias: true, tiled: true }],
	[[1, 5, 7, 5], [10, 1, 3, 3], { padding: 1, stride: 2, groups: 5 }],
	[[2, 6, 5, 5], [8, 3, 3, 3], { groups: 2, padding: 1, bias: true }],
	[[1, 6, 7, 7], [9, 2, 2, 2], { groups: 3, stride: 2, dilation: 2, padding: 1 }],
	// An input that is exactly one patch: one output pixel.
	[[5, 3, 4, 4], [6, 3, 4, 4], { bias: true }],
	// Batches that are laid out in blocks of 16 images: full, one short, one over two, and channels odd and over a tile.
	[[16, 1, 7, 6], [5, 1, 3, 3], { stride: 2, padding: 1, bias: true }],
	[[15, 3, 5, 4], [37, 3, 3, 3], { padding: 1, bias: true }],
	[[33, 2, 4, 5], [17, 2, 2, 3], { bias: true }],
	[[16, 37, 3, 3], [7, 37, 3, 3], { padding: 2, bias: true }],
	[[16, 5, 6, 5], [3, 5, 3, 3], { padding: 1, bias: true }],
	[[16, 4, 5, 5], [1, 4, 3, 3], { padding: 1 }],
	[[14, 16, 2, 3], [67, 16, 1, 1], { bias: true }],
	[[16, 3, 9, 8], [9, 3, 3, 2], { stride: [3, 2], padding: [2, 1], dilation: [1, 2], bias: true, tiled: true }],
	// With the tiled kernels: two groups, and a weight gradient in splits that do not divide the pixels.
	[[2, 8, 5, 7], [12, 4, 3, 3], { groups: 2, stride: 2, bias: true, tiled: true }],
	[[3, 5, 24, 25], [7, 5, 3, 3], { padding: 1, bias: true, tiled: true }],
	[[16, 2, 8, 6], [6, 2, 3, 3], { stride: 3, padding: 1, dilation: 2 }],
	[[16, 3, 2, 1], [6, 3, 5, 5], { padding: 2, bias: true }],
	[[16, 6, 4, 4], [8, 3, 3, 3], { groups: 2, padding: 1, bias: true }],
	// A weight gradient in splits that do not divide the rows.
	[[16, 1, 13, 13], [2, 1, 3, 3], { padding: 1, bias: true }],
	// Other zeros after the image than before it, or fewer rows and columns: causal convolutions and others.
	[[2, 3, 7, 7], [5, 3, 2, 3], { padding: 1, paddingEnd: [0, 1], bias: true }],
	[[17, 5, 7, 7], [34, 5, 2, 3], { padding: 1, paddingEnd: [0, 1], bias: true }],
	[[16, 6, 7, 5], [9, 6, 1, 3], { padding: [1, 1], paddingEnd: [-1, 1], bias: true }],
	[[16, 7, 5, 7], [12, 7, 1, 1], { padding: [0, 1], paddingEnd: [0, -1], bias: true }],
	[[2, 7, 5, 7], [12, 7, 1, 2], { padding: [0, 1], paddingEnd: 0, bias: true }],
	[[5, 4, 6, 7], [3, 4, 2, 5], { padding: 2, paddingEnd: [-1, 2], tiled: true }],
	[[3, 2, 1, 3], [4, 2, 1, 3], { padding: 1, paddingEnd: [-1, 1], bias: true }],
	[[16, 3, 8, 7], [6, 3, 3, 2], { stride: [2, 3], padding: [1, 0], paddingEnd: [3, -2], dilation: [1, 2] }],
];

for (const [i, [xShape, weightShape, { bias, tiled = false, ...options } = {}]] of cases.entries()) {
	const title = `[${xShape}] with [${weightShape}] ${JSON.stringify(options)}${bias ? " and a bias" : ""}`;
	test(title, async () => {
		const random = new Random(100 + i);
		const shapes = bias ? [xShape, weightShape, [weightShape[0]]] : [xShape, weightShape];
		const inputs = shapes.map((shape) => randomArray(random, shape));
		await checkOp(title, {
			inputs,
			tiled,
			run: ([x, weight, bias]) => conv2d(x, weight, bias ? { ...options, bias } : options),
			expected: reference.conv2d(inputs[0], inputs[1], inputs[2], options),
			gradients: (dy) => {
				const { x, weight, bias } = reference.conv2dBackward(inputs[0], inputs[1], dy, options);
				return inputs.length === 3 ? [x, weight, bias] : [x, weight];
			},
		});
	});
}

for (const [batch, first, second] of [
	[2, 5, 3],
	[16, 9, 6],
	[17, 6, 2],
])
	test(`with a ReLU in the same pass equals a ReLU after it, batch ${batch}`, async () => {
		const random = new Random(300 + batch);
		const shapes = [[batch, 3, 6, 5], [first, 3, 3, 3], [first], [second, first, 3, 3], [second]];
		const inputs = shapes.map((shape) => randomArray(random, shape));
		for (const gpu of await variants()) {
			const outputs: Float32Array[][] = [];
			for (const fused of [true, false]) {
				const parameters = inputs.map((input) => parameterOf(gpu, input));
				const [x, w1, b1, w2, b2] = parameters;
				const y = gpu.scope(() => {
					const layer = (input: Tensor, weight: Tensor, bias: Tensor) =>
						fused
							? conv2d(input, weight, { bias, padding: 1, activation: "relu" })
							: relu(conv2d(input, weight, { bias, padding: 1 }));
					const y = layer(layer(x, w1, b1), w2, b2);
					// Its gradient is not 0 at elements of y that are 0.
					backward(add(sum(mul(y, y)), sum(y)));
					return y;
				});
				outputs.push([await y.data(), ...(await Promise.all(parameters.map(({ grad }) => grad.data())))]);
				for (const tensor of [y, ...parameters]) tensor.dispose();
			}
			outputs[0].forEach((value, i) => {
				assertClose(value, outputs[1][i], 1e-6, i === 0 ? "value" : `gradient of input ${i - 1}`);
			});
			assert.ok(outputs[0][0].includes(0) && outputs[0][0].some((value) => value > 0), "some values are cut off");
		}
	});

for (const [channels, batch] of [
	[1, 3],
	[2, 5],
	[4, 17],
	[6, 5],
] as const)
	test(`no gradient passes a ReLU whose output is 0, ${batch} images of ${channels} channels`, async () => {
		const random = new Random(channels);
		const x = randomArray(random, [batch, channels, 5, 6]);
		for (let i = 0; i < x.data.length; i += 5) x.data[i] = 0;
		const weight = randomArray(random, [7, channels, 3, 3]);
		const rectified = elementwise.relu(x);
		await checkOp("relu → conv2d", {
			inputs: [x, weight],
			run: ([x, weight]) => conv2d(relu(x), weight, { padding: 1 }),
			expected: reference.conv2d(rectified, weight, undefined, { padding: 1 }),
			gradients: (dy) => {
				const back = reference.conv2dBackward(rectified, weight, dy, { padding: 1 });
				return [elementwise.reluBackward(x, back.x), back.weight];
			},
		});
	});

test("a result that is overwritten from the host, or shared, is what later operations read", async () => {
	for (const gpu of await variants()) {
		const [y, shared, after, afterShared] = gpu.scope(() => {
			const x = gpu.tensor(new Float32Array(16 * 9).fill(1), [16, 1, 3, 3]);
			const kernel = gpu.tensor([1], [1, 1, 1, 1]);
			const y = conv2d(x, kernel);
			const shared = stopGradient(y);
			gpu.upload(
				y,
				Float32Array.from({ length: y.size }, (_, i) => i),
			);
			return [y, shared, conv2d(y, kernel, { activation: "relu" }), conv2d(shared, kernel)];
		});
		const expected = Float32Array.from({ length: y.size }, (_, i) => i);
		assertSame(await y.data(), expected, "the result");
		assertSame(await after.data(), expected, "what is computed of it");
		assertSame(await afterShared.data(), await shared.data(), "what is computed of the shared one");
		for (const tensor of [y, shared, after, afterShared]) tensor.dispose();
	}
});

test("refuses an activation that it does not have", async () => {
	const gpu = await device();
	const x = tensorOf(gpu, randomArray(new Random(1), [1, 1, 3, 3]));
	assertThrows(() => conv2d(x, x, { activation: "gelu" as "relu" }), ArgumentError, ["gelu"]);
	x.dispose();
});

test("gives a gradient to the inputs that ask for one only", async () => {
	const gpu = await device();
	const random = new Random(1);
	const [x, weight] = [randomArray(random, [2, 3, 5, 5]), randomArray(random, [4, 3, 3, 3])];
	const ones = { shape: [2, 4, 3, 3], data: new Float64Array(72).fill(1) };
	const expected = reference.conv2dBackward(x, weight, ones);
	const data = tensorOf(gpu, x);
	const kernel = gpu.parameter(Float32Array.from(weight.data), weight.shape);
	gpu.scope(() => backward(sum(conv2d(data, kernel))));
	assertClose(await kernel.grad.data(), expected.weight.data, 1e-4, "gradient of the weight");
	const image = gpu.parameter(Float32Array.from(x.data), x.shape);
	const constant = tensorOf(gpu, weight);
	gpu.scope(() => backward(sum(conv2d(image, constant))));
	assertClose(await image.grad.data(), expected.x.data, 1e-4, "gradient of the input");
	const plain = conv2d(data, constant);
	assert.not(plain.requiresGrad);
	for (const tensor of [data, kernel, image, constant, plain]) tensor.dispose();
});

test("sums the gradients of a weight that is used twice", async () => {
	const random = new Random(2);
	const [x, weight] = [randomArray(random, [1, 3, 6, 6]), randomArray(random, [3, 3, 3, 3])];
	const options = { padding: 1 };
	const inner = reference.conv2d(x, weight, undefined, options);
	await checkOp("conv2d(conv2d(x, w), w)", {
		inputs: [x, weight],
		run: ([x, weight]) => conv2d(conv2d(x, weight, options), weight, options),
		expected: reference.conv2d(inner, weight, undefined, options),
		gradients: (dy) => {
			const second = reference.conv2dBackward(inner, weight, dy, options);
			const first = reference.conv2dBackward(x, weight, second.x, options);
			return [
				first.x,
				{ shape: weight.shape, data: first.weight.data.map((value, i) => value + second.weight.data[i]) },
			];
		},
	});
});

test("leaves nothing behind", async () => {
	const random = new Random(3);
	const inputs = [[2, 4, 6, 6], [6, 2, 3, 3], [6]].map((shape) => randomArray(random, shape));
	await checkStepMemory({ inputs, run: ([x, weight, bias]) => conv2d(x, weight, { bias, groups: 2, stride: 2 }) });
});

test("refuses shapes that do not fit, and prints them", async () => {
	const gpu = await device();
	gpu.scope(() => {
		const of = (...shape: number[]) => tensorOf(gpu, randomArray(new Random(4), shape));
		const x = of(2, 4, 5, 6);
		const refuse = (weight: number[], options = {}) =>
			assertThrows(() => conv2d(x, of(...weight), options), ShapeError, [x.shape, weight]);
		refuse([6, 3, 3, 3]);
		refuse([6, 4, 3, 3], { groups: 2 });
		assertThrows(() => conv2d(x, of(4, 4, 3)), ShapeError, [[4, 4, 3]]);
		// A kernel that is larger than the padded image leaves no output.
		refuse([4, 4, 7, 3]);
		refuse([4, 4, 3, 3], { dilation: 3 });
		assertThrows(() => conv2d(of(4, 5, 6), of(6, 4, 3, 3)), ShapeError, [[4, 5, 6]]);
		assertThrows(() => conv2d(x, of(6, 4, 3, 3), { bias: of(5) }), ShapeError, [[5], [6]]);
	});
});

test("the order of loads that AMD's cards get gives the same bits", async () => {
	const gpu = await openDevice({ variant: "tiled", announce: false });
	const random = new Random(8);
	const inputs = [[3, 5, 11, 13], [9, 5, 3, 3], [9]].map((shape) => parameterOf(gpu, randomArray(random, shape)));
	const [x, weight, bias] = inputs as [Parameter, Parameter, Parameter];
	const results: Float32Array[][] = [];
	const launched = new Set<string>();
	gpu.onLaunch = ({ kernel, launch }) => {
		if (launch.constants?.LATE_LOADS === 1) launched.add(kernel.name);
	};
	for (const vendor of ["other", "amd"]) {
		Object.defineProperty(gpu.adapter, "vendor", { value: vendor, configurable: true });
		const y = gpu.scope(() => {
			const y = conv2d(x, weight, { bias, padding: 1 });
			backward(sum(mul(y, y)));
			return y;
		});
		results.push((await gpu.readAll([y, x.grad, weight.grad, bias.grad])) as Float32Array[]);
		for (const input of inputs) input.zeroGrad();
		if (vendor === "other") assert.is(launched.size, 0);
	}
	assert.equal([...launched], ["convolution.tiled.wgsl", "convolution_weight_grad.tiled.wgsl"]);
	const [others = [], amd = []] = results;
	for (const [i, values] of others.entries()) assertSame(amd[i], values, `result ${i}`);
	gpu.dispose();
});

test("refuses options out of their range", async () => {
	const gpu = await device();
	gpu.scope(() => {
		const [x, weight] = [
			[2, 4, 5, 6],
			[6, 4, 3, 3],
		].map((shape) => tensorOf(gpu, randomArray(new Random(5), shape)));
		for (const options of [{ stride: 0 }, { stride: 1.5 }, { padding: -1 }, { dilation: 0 }, { groups: 0 }]) {
			assertThrows(() => conv2d(x, weight, options), ArgumentError);
		}
		for (const options of [{ stride: [1, -2] as const }, { padding: Number.NaN }, { groups: 3 }, { paddingEnd: 0.5 }]) {
			assertThrows(() => conv2d(x, weight, options), ArgumentError);
		}
	});
});

test("refuses integers and tensors that were disposed of", async () => {
	const gpu = await device();
	const weight = tensorOf(gpu, randomArray(new Random(6), [1, 1, 1, 1]));
	const integers = gpu.tensor(Int32Array.of(1, 2, 3, 4), [1, 1, 2, 2]);
	// @ts-expect-error: the types refuse integers as well
	assertThrows(() => conv2d(integers, weight), DTypeError);
	const x = tensorOf(gpu, randomArray(new Random(7), [1, 1, 2, 2]));
	x.dispose();
	assertThrows(() => conv2d(x, weight), DisposedError);
	for (const tensor of [weight, integers]) tensor.dispose();
});

test.run();
