import {
	ArgumentError,
	adaptiveAvgPool2d,
	avgPool2d,
	backward,
	conv1d,
	conv2d,
	interpolate,
	maxPool2d,
	ShapeError,
	sum,
	type Tensor,
} from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { type Array64, array, map } from "../reference/array.js";
import { conv2dBackward, conv2d as conv2dReference } from "../reference/convolution.js";
import * as reference from "../reference/pooling.js";
import { assertClose, assertThrows, checkOp, device, randomArray, variants } from "../support.js";

const test = suite("pooling, interpolation and conv1d");

type Two = readonly [number, number];
const both = (value: number | Two): Two => (typeof value === "number" ? [value, value] : value);

interface PoolCase {
	readonly shape: number[];
	readonly kernel: number | Two;
	readonly stride?: number | Two;
	readonly padding?: number | Two;
	readonly dilation?: number | Two;
	readonly ceilMode?: boolean;
	readonly countIncludePad?: boolean;
	readonly output: number[];
}

const pools: PoolCase[] = [
	{ shape: [2, 3, 8, 6], kernel: 2, output: [2, 3, 4, 3] },
	{ shape: [1, 2, 7, 9], kernel: 3, stride: 2, padding: 1, output: [1, 2, 4, 5] },
	{ shape: [3, 1, 5, 11], kernel: [2, 3], stride: [1, 2], padding: [1, 0], output: [3, 1, 6, 5] },
	{ shape: [1, 2, 9, 8], kernel: 2, stride: 1, dilation: [3, 2], output: [1, 2, 6, 6] },
	{ shape: [2, 1, 7, 5], kernel: 3, stride: 2, padding: 1, ceilMode: true, output: [2, 1, 4, 3] },
	{ shape: [1, 1, 6, 8], kernel: 3, stride: 3, ceilMode: true, countIncludePad: false, output: [1, 1, 2, 3] },
	{ shape: [1, 2, 5, 5], kernel: 3, padding: 1, stride: 2, countIncludePad: false, output: [1, 2, 3, 3] },
];

for (const { shape, kernel, output, stride = kernel, padding = 0, dilation = 1, ceilMode, countIncludePad } of pools) {
	const window = {
		kernel: both(kernel),
		stride: both(stride),
		padding: both(padding),
		dilation: both(dilation),
		countIncludePad: countIncludePad ?? true,
	};
	const shared = { stride, padding, ...(ceilMode !== undefined && { ceilMode }) };
	const named = `[${shape}] by ${JSON.stringify({ kernel, stride, padding, dilation, ceilMode, countIncludePad })}`;
	if (countIncludePad === undefined)
		test(`maxPool2d ${named}`, async () => {
			// Whole numbers: many are equal.
			const x = map(randomArray(new Random(1), shape, -4, 4), Math.round);
			await checkOp("maxPool2d", {
				inputs: [x],
				run: ([x]) => maxPool2d(x, kernel, { ...shared, dilation }),
				expected: reference.pool(x, output, true, window),
				gradients: (dy) => [reference.poolBackward(x, dy, true, window)],
			});
		});
	if (dilation === 1)
		test(`avgPool2d ${named}`, async () => {
			const x = randomArray(new Random(2), shape);
			await checkOp("avgPool2d", {
				inputs: [x],
				run: ([x]) => avgPool2d(x, kernel, { ...shared, ...(countIncludePad !== undefined && { countIncludePad }) }),
				expected: reference.pool(x, output, false, window),
				gradients: (dy) => [reference.poolBackward(x, dy, false, window)],
			});
		});
}

for (const [shape, size] of [
	[
		[2, 3, 7, 5],
		[1, 1],
	],
	[
		[1, 2, 7, 10],
		[3, 4],
	],
	[
		[1, 1, 3, 2],
		[5, 7],
	],
	[
		[2, 1, 6, 6],
		[2, 6],
	],
] as [number[], Two][])
	test(`adaptiveAvgPool2d [${shape}] to [${size}]`, async () => {
		const x = randomArray(new Random(3), shape);
		const output = [...shape.slice(0, 2), ...size];
		await checkOp("adaptiveAvgPool2d", {
			inputs: [x],
			run: ([x]) => adaptiveAvgPool2d(x, size),
			expected: reference.adaptiveAvgPool(x, output),
			gradients: (dy) => [reference.adaptiveAvgPoolBackward(shape, dy)],
		});
	});

for (const [shape, options, size, scale] of [
	[[2, 3, 4, 5], { scaleFactor: 2 }, [8, 10], [0.5, 0.5]],
	[[1, 2, 7, 5], { size: [3, 11] }, [3, 11], [7 / 3, 5 / 11]],
	[[2, 1, 4, 5], { scaleFactor: 2, mode: "bilinear" }, [8, 10], [0.5, 0.5]],
	[[1, 2, 7, 9], { size: [5, 4], mode: "bilinear" }, [5, 4], [7 / 5, 9 / 4]],
	[[1, 2, 3, 1], { size: [7, 4], mode: "bilinear", alignCorners: true }, [7, 4], [2 / 6, 0]],
	[[1, 1, 5, 6], { size: 1, mode: "bilinear", alignCorners: true }, [1, 1], [0, 0]],
	[[1, 1, 5, 6], { scaleFactor: [1.7, 0.4], mode: "bilinear" }, [8, 2], [1 / 1.7, 1 / 0.4]],
	[[1, 2, 5, 6], { scaleFactor: [1.1, 1.5], mode: "bilinear" }, [5, 9], [1, 1 / 1.5]],
	[[1, 2, 5, 6], { scaleFactor: [2.5, 1.1] }, [12, 6], [1 / 2.5, 1]],
] as [number[], Parameters<typeof interpolate>[1], Two, Two][])
	test(`interpolate [${shape}] ${JSON.stringify(options)}`, async () => {
		const x = randomArray(new Random(4), shape);
		const output = [...shape.slice(0, 2), ...size];
		const { mode, alignCorners = false } = options;
		const resizing = { linear: mode === "bilinear", alignCorners, scale };
		await checkOp("interpolate", {
			inputs: [x],
			run: ([x]) => interpolate(x, options),
			expected: reference.interpolate(x, output, resizing),
			gradients: (dy) => [reference.interpolateBackward(shape, dy, resizing)],
		});
	});

test("between convolutions the layout stays, with the same values and gradients", async () => {
	const random = new Random(5);
	const [x, before, after] = [
		[17, 3, 9, 8],
		[4, 3, 1, 1],
		[2, 4, 1, 1],
	].map((shape) => randomArray(random, shape)) as [Array64, Array64, Array64];
	const results = await Promise.all(
		(await variants({ tiled: true })).map(async (gpu) => {
			const parameters = [x, before, after].map(({ data, shape }) => gpu.parameter(Float32Array.from(data), shape));
			const [a, b, c] = parameters as Tensor[] as [Tensor, Tensor, Tensor];
			const y = gpu.scope(() => {
				const pooled = avgPool2d(maxPool2d(conv2d(a, b), 2, { padding: 1 }), 2, { stride: 1 });
				const resized = adaptiveAvgPool2d(interpolate(pooled, { scaleFactor: 2, mode: "bilinear" }), 3);
				const y = conv2d(resized, c);
				backward(sum(conv2d(y, gpu.ones([1, 2, 2, 2]))));
				return y;
			});
			const values = await Promise.all([y, ...parameters.map(({ grad }) => grad)].map((tensor) => tensor.data()));
			for (const tensor of [y, ...parameters]) tensor.dispose();
			return values;
		}),
	);
	for (const other of results.slice(1))
		for (const [i, values] of other.entries()) assertClose(values, results[0]?.[i] as Float32Array, 1e-5, `${i}`);
});

test("NaN in maxPool2d is the maximum, and a window of padding alone is −∞", async () => {
	for (const gpu of await variants()) {
		const x = gpu.tensor([1, Number.NaN, 5, 7], [1, 1, 1, 4]);
		const [first, second] = await maxPool2d(x, [1, 2]).data();
		assert.ok(Number.isNaN(first) && second === 7);
		const far = await maxPool2d(gpu.ones([1, 1, 4, 1]), [2, 1], { padding: [1, 0], dilation: [5, 1] }).data();
		assert.equal([...far], [Number.NEGATIVE_INFINITY]);
	}
});

for (const [x, weight, options] of [
	[[2, 3, 11], [4, 3, 3], { padding: 1 }],
	[[5, 4, 13], [6, 2, 4], { stride: 3, padding: 2, dilation: 2, groups: 2 }],
	[[1, 1, 5], [1, 1, 5], {}],
] as [number[], number[], { stride?: number; padding?: number; dilation?: number; groups?: number }][])
	test(`conv1d [${x}] with [${weight}] ${JSON.stringify(options)}`, async () => {
		const random = new Random(6);
		const [input, kernel, bias] = [x, weight, [weight[0] as number]].map((shape) => randomArray(random, shape)) as [
			Array64,
			Array64,
			Array64,
		];
		const wide = ({ shape, data }: Array64) => array([...shape.slice(0, 2), 1, shape[2] as number], data);
		const narrow = ({ shape, data }: Array64) => array([shape[0], shape[1], shape[3]] as number[], data);
		const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
		const two = { stride: [1, stride], padding: [0, padding], dilation: [1, dilation], groups } as const;
		await checkOp("conv1d", {
			inputs: [input, kernel, bias],
			run: ([x, weight, bias]) => conv1d(x, weight, { ...options, bias }),
			expected: narrow(conv2dReference(wide(input), wide(kernel), bias, two)),
			gradients: (dy) => {
				const gradients = conv2dBackward(wide(input), wide(kernel), wide(dy), two);
				return [narrow(gradients.x), narrow(gradients.weight), gradients.bias];
			},
			tiled: true,
		});
	});

test("what does not fit is refused", async () => {
	const gpu = await device();
	const x = gpu.zeros([1, 1, 3, 3]);
	assertThrows(() => maxPool2d(x, 4), ShapeError, ["kernelSize", [4, 4], [1, 1, 3, 3]]);
	assertThrows(() => maxPool2d(x, 2, { padding: 2 }), ArgumentError, ["padding", [2, 2]]);
	assertThrows(() => interpolate(x, {}), ArgumentError, ["size", "scaleFactor"]);
	assertThrows(() => interpolate(x, { size: 2, alignCorners: true }), ArgumentError, ["alignCorners", "bilinear"]);
	assertThrows(() => interpolate(x, { scaleFactor: 0.1 }), ArgumentError, ["0.1"]);
	assertThrows(() => adaptiveAvgPool2d(gpu.zeros([3]), 1), ShapeError, [[3]]);
	assertThrows(() => conv1d(x, x), ShapeError, ["[N, inChannels, L]"]);
});

test.run();
