import {
	ArgumentError,
	backward,
	batchNorm2d,
	groupNorm,
	layerNorm,
	mul,
	ShapeError,
	sum,
	type Tensor,
	variance,
} from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { type Array64, array, map, zeros } from "../reference/array.js";
import * as reference from "../reference/norms.js";
import {
	assertClose,
	assertThrows,
	checkOp,
	checkStepMemory,
	device,
	parameterOf,
	randomArray,
	tensorOf,
	variants,
} from "../support.js";

const test = suite("norms and variance");

const sizeOf = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);

interface Case {
	readonly name: string;
	readonly shape: number[];
	readonly weights: number[];
	readonly rows: reference.Rows;
	readonly call: (x: Tensor, weight: Tensor, bias: Tensor) => Tensor;
}

function ofLayer(shape: number[], axes: number): Case {
	const weights = shape.slice(shape.length - axes);
	const length = sizeOf(weights);
	return {
		name: `layerNorm of [${shape}] over [${weights}]`,
		shape,
		weights,
		rows: { rowOf: (i) => Math.floor(i / length), channelOf: (i) => i % length },
		call: (x, weight, bias) => layerNorm(x, axes === 1 ? (weights[0] as number) : weights, { weight, bias }),
	};
}

function ofGroups(shape: number[], groups: number): Case {
	const [, channels = 1, ...plane] = shape;
	const inner = sizeOf(plane);
	return {
		name: `groupNorm of [${shape}], ${groups} groups`,
		shape,
		weights: [channels],
		rows: {
			rowOf: (i) => Math.floor(i / ((channels / groups) * inner)),
			channelOf: (i) => Math.floor(i / inner) % channels,
			eps: 1e-3,
		},
		call: (x, weight, bias) => groupNorm(x, groups, { weight, bias, eps: 1e-3 }),
	};
}

function ofBatch(shape: number[]): Case {
	const [, channels = 1, height = 1, width = 1] = shape;
	const channelOf = (i: number) => Math.floor(i / (height * width)) % channels;
	return {
		name: `batchNorm2d of [${shape}] in training`,
		shape,
		weights: [channels],
		rows: { rowOf: channelOf, channelOf },
		call: (x, weight, bias) => batchNorm2d(x, { weight, bias, training: true }),
	};
}

const cases: Case[] = [
	ofLayer([5, 67], 1),
	ofLayer([70, 32], 1),
	ofLayer([2, 3, 5, 4], 2),
	ofLayer([2, 20_001], 1),
	ofLayer([3, 40_000], 1),
	ofGroups([3, 6, 5, 7], 2),
	ofGroups([2, 4, 8, 8], 4),
	ofGroups([1, 8], 1),
	ofBatch([3, 5, 4, 7]),
	ofBatch([17, 3, 1, 1]),
	ofBatch([5, 70, 2, 2]),
	ofBatch([4, 2, 67, 64]),
];

for (const [i, { name, shape, weights, rows, call }] of cases.entries())
	test(name, async () => {
		const random = new Random(950 + i);
		const x = map(randomArray(random, shape, -2, 2), (value) => Math.fround(value + 7));
		const [weight, bias] = [randomArray(random, weights, 0.5, 2), randomArray(random, weights)];
		await checkOp(name, {
			inputs: [x, weight, bias],
			run: ([x, weight, bias]) => call(x, weight, bias),
			expected: reference.norm(x, weight, bias, rows),
			gradients: (dy) => {
				const gradients = reference.normBackward(x, weight, dy, rows);
				return [gradients.x, gradients.weight, gradients.bias];
			},
		});
	});

test("without weight, bias or both, and rows with a large mean", async () => {
	const random = new Random(11);
	const x = map(randomArray(random, [7, 64]), (value) => Math.fround(value + 1000));
	const { rows } = ofLayer([7, 64], 1);
	const [ones, none] = [map(zeros([64]), () => 1), zeros([64])];
	const weight = randomArray(random, [64]);
	await checkOp("plain", {
		inputs: [x],
		run: ([x]) => layerNorm(x, 64),
		expected: reference.norm(x, ones, none, rows),
		gradients: (dy) => [reference.normBackward(x, ones, dy, rows).x],
	});
	await checkOp("weight alone", {
		inputs: [x, weight],
		run: ([x, weight]) => layerNorm(x, [64], { weight }),
		expected: reference.norm(x, weight, none, rows),
		gradients: (dy) => {
			const gradients = reference.normBackward(x, weight, dy, rows);
			return [gradients.x, gradients.weight];
		},
	});
	await checkOp("bias alone", {
		inputs: [x, weight],
		run: ([x, bias]) => layerNorm(x, [64], { bias }),
		expected: reference.norm(x, ones, weight, rows),
		gradients: (dy) => {
			const gradients = reference.normBackward(x, ones, dy, rows);
			return [gradients.x, gradients.bias];
		},
	});
});

test("batchNorm2d updates running statistics, captured too, and uses them in evaluation", async () => {
	const random = new Random(2);
	const x = randomArray(random, [5, 3, 4, 2]);
	const before = { mean: randomArray(random, [3]), variance: randomArray(random, [3], 0.5, 2) };
	const once = reference.runningStats(x, before.mean, before.variance, 0.25);
	const twice = reference.runningStats(x, once.mean, once.variance, 0.25);
	for (const gpu of await variants()) {
		const [input, mean, spread] = [x, before.mean, before.variance].map((each) => tensorOf(gpu, each)) as [
			Tensor,
			Tensor,
			Tensor,
		];
		const options = { runningMean: mean, runningVar: spread };
		const train = () => batchNorm2d(input, { ...options, training: true, momentum: 0.25 });
		gpu.scope(train);
		assertClose(await mean.data(), once.mean.data, 1e-6, "mean");
		assertClose(await spread.data(), once.variance.data, 1e-6, "variance");
		const step = gpu.capture(train);
		step.replay();
		assertClose(await mean.data(), twice.mean.data, 1e-6, "mean after a replay");
		assertClose(await spread.data(), twice.variance.data, 1e-6, "variance after a replay");
		const y = gpu.scope(() => batchNorm2d(input, options));
		const expected = map(x, (value, i) => {
			const c = Math.floor(i / 8) % 3;
			return (value - twice.mean.data[c]) / Math.sqrt(twice.variance.data[c] + 1e-5);
		});
		assertClose(await y.data(), expected.data, 1e-5, "evaluation");
		step.dispose();
		for (const tensor of [input, mean, spread, y]) tensor.dispose();
	}
});

test("in evaluation gradients flow to x, weight and bias", async () => {
	const gpu = await device();
	const random = new Random(3);
	const [x, weight, bias] = [randomArray(random, [2, 3, 2, 2]), randomArray(random, [3]), randomArray(random, [3])];
	const [mean, spread] = [randomArray(random, [3]), randomArray(random, [3], 0.5, 2)];
	const parameters = [x, weight, bias].map((each) => parameterOf(gpu, each));
	const [a, b, c] = parameters as Tensor[] as [Tensor, Tensor, Tensor];
	const dy = randomArray(random, [2, 3, 2, 2]);
	gpu.scope(() => {
		const running = { runningMean: tensorOf(gpu, mean), runningVar: tensorOf(gpu, spread) };
		backward(sum(mul(batchNorm2d(a, { ...running, weight: b, bias: c }), tensorOf(gpu, dy))));
	});
	const channel = (i: number) => Math.floor(i / 4) % 3;
	const scale = (c: number) => 1 / Math.sqrt((spread.data[c] as number) + 1e-5);
	const expected: Array64[] = [
		map(dy, (value, i) => value * (weight.data[channel(i)] as number) * scale(channel(i))),
		zeros([3]),
		zeros([3]),
	];
	for (const [i, value] of dy.data.entries()) {
		const at = channel(i);
		(expected[1] as Array64).data[at] += value * (x.data[i] - mean.data[at]) * scale(at);
		(expected[2] as Array64).data[at] += value;
	}
	for (const [i, parameter] of parameters.entries()) {
		assertClose(await parameter.grad.data(), (expected[i] as Array64).data, 1e-5, `${i}`);
		parameter.dispose();
	}
});

for (const [shape, options] of [
	[[7], {}],
	[[5, 67], { axis: 1 }],
	[[67, 40], { axis: 0, keepDim: true }],
	[[3, 5, 7], { axis: 1, correction: 0 }],
	[[3, 5, 2, 4], { axis: [0, 2], keepDim: true, correction: 2 }],
	[[2, 3, 2, 3, 2], { axis: [0, 2, 4] }],
	[[20_003], { correction: 0 }],
] as [number[], { axis?: number | number[]; keepDim?: boolean; correction?: number }][])
	test(`variance of [${shape}] ${JSON.stringify(options)}`, async () => {
		const x = map(randomArray(new Random(4), shape), (value) => Math.fround(value + 3));
		const { axis, keepDim = false, correction = 1 } = options;
		const axes = axis === undefined ? [...shape.keys()] : [axis].flat();
		const kept = shape.map((length, i) => (axes.includes(i) ? 1 : length));
		const rowOf = (i: number) => {
			let [rest, row, stride] = [i, 0, 1];
			for (let at = shape.length - 1; at >= 0; at--) {
				if (!axes.includes(at)) row += (rest % (shape[at] as number)) * stride;
				if (!axes.includes(at)) stride *= shape[at] as number;
				rest = Math.floor(rest / (shape[at] as number));
			}
			return row;
		};
		const stats = reference.moments(x, rowOf);
		const of = (i: number) => stats[rowOf(i)] as (typeof stats)[number];
		await checkOp("variance", {
			inputs: [x],
			run: ([x]) => variance(x, options),
			expected: array(
				keepDim ? kept : shape.filter((_, i) => !axes.includes(i)),
				stats.map(({ deviations, count }) => deviations / (count - correction)),
			),
			gradients: (dy) => [
				map(x, (value, i) => ((dy.data[rowOf(i)] as number) * 2 * (value - of(i).mean)) / (of(i).count - correction)),
			],
		});
	});

test("NaN stays NaN in its row alone, and what does not fit is refused", async () => {
	for (const gpu of await variants()) {
		const x = gpu.tensor([
			[1, Number.NaN, 3, 4],
			[1, 2, 3, 5],
		]);
		const y = await layerNorm(x, 4).data();
		assert.equal([...y].map(Number.isNaN), [true, true, true, true, false, false, false, false]);
		const [first, second] = await variance(x, 1).data();
		assert.ok(Number.isNaN(first) && Math.abs((second as number) - 35 / 12) < 1e-5);
	}
	const gpu = await device();
	const x = gpu.zeros([1, 4, 1, 1]);
	assertThrows(() => layerNorm(x, 4), ShapeError, [[1, 4, 1, 1], [4]]);
	assertThrows(() => layerNorm(x, [1, 1], { weight: gpu.zeros([2]) }), ShapeError, ["weight", [1, 1], [2]]);
	assertThrows(() => groupNorm(x, 3), ArgumentError, ["groups", "3", "4"]);
	assertThrows(() => batchNorm2d(x, { training: true }), ShapeError, [[1, 4, 1, 1]]);
	assertThrows(() => batchNorm2d(x), ArgumentError, ["runningMean", "training"]);
	assertThrows(() => variance(x, { correction: -1 }), ArgumentError, ["correction", "-1"]);
	assertThrows(() => variance(gpu.zeros([1])), ShapeError, ["correction", [1]]);
});

test("norms leave nothing behind", async () => {
	const random = new Random(6);
	const inputs = [randomArray(random, [3, 4, 5, 5]), randomArray(random, [4]), randomArray(random, [4])];
	await checkStepMemory({ inputs, run: ([x, weight, bias]) => groupNorm(x, 2, { weight, bias }) });
	await checkStepMemory({ inputs, run: ([x, weight, bias]) => batchNorm2d(x, { weight, bias, training: true }) });
});

test.run();
