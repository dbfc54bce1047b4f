import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { assertClose, randomArray, randomIndices } from "../arrays.js";
import { Adam } from "./adam.js";
import { type Array64, array, dot, map, zeros } from "./array.js";
import { attention, attentionBackward } from "./attention.js";
import { type ConvolutionOptions, conv2d, conv2dBackward } from "./convolution.js";
import {
	type BinaryName,
	binary,
	binaryBackward,
	relu,
	reluBackward,
	scale,
	where,
	whereBackward,
} from "./elementwise.js";
import { embedding, embeddingBackward } from "./embedding.js";
import { finiteDifference } from "./finite_difference.js";
import { gatherImages } from "./images.js";
import { gather, scatterAdd } from "./indexing.js";
import {
	crossEntropy,
	crossEntropyBackward,
	mseLoss,
	mseLossBackward,
	nllLoss,
	nllLossBackward,
	type PairLossName,
	pairLoss,
	pairLossBackward,
} from "./losses.js";
import { linear, linearBackward, matmul, matmulBackward } from "./matmul.js";
import { excessOf, nearestCode } from "./nearest_code.js";
import { permute, permuteBackward } from "./permute.js";
import {
	cumsum,
	logSumExp,
	logSumExpBackward,
	mean,
	meanBackward,
	type ReductionOptions,
	reduce,
	reduceBackward,
	sum,
	sumBackward,
} from "./reductions.js";
import { pad, slice } from "./shapes.js";
import { logSoftmax, logSoftmaxBackward, softmax, softmaxBackward } from "./softmax.js";
import {
	convTranspose2d,
	convTranspose2dBackward,
	type TransposedConvolutionOptions,
} from "./transposed_convolution.js";
import { type UnaryName, unary, unaryBackward } from "./unary.js";

const test = suite("reference");
const random = new Random(1);

/** Checks the gradients of Σ c·f(inputs), c random, against central differences. */
function check(
	message: string,
	f: (inputs: Array64[]) => Array64,
	inputs: Array64[],
	backward: (dy: Array64) => Array64[],
): void {
	const dy = randomArray(random, f(inputs).shape);
	backward(dy).forEach((gradient, i) => {
		const numeric = finiteDifference((x) => dot(f(inputs.with(i, x)), dy), inputs[i]);
		assert.equal(gradient.shape, inputs[i].shape);
		assertClose(gradient.data, numeric.data, 1e-7, `${message}, input ${i}`);
	});
}

const convolutions: [x: number[], weight: number[], options: ConvolutionOptions][] = [
	[[2, 3, 5, 4], [2, 3, 3, 3], {}],
	[[1, 4, 6, 5], [6, 2, 3, 2], { stride: 2, padding: 1, groups: 2 }],
	[[1, 2, 7, 6], [3, 2, 2, 3], { stride: [1, 3], padding: [2, 0], dilation: [2, 1] }],
	[[2, 3, 4, 4], [3, 1, 3, 3], { padding: 1, groups: 3, dilation: 2 }],
];

for (const [x, weight, options] of convolutions) {
	test(`conv2d [${x}] with [${weight}] ${JSON.stringify(options)}`, () => {
		const inputs = [x, weight, [weight[0]]].map((shape) => randomArray(random, shape));
		check(
			"conv2d",
			([x, weight, bias]) => conv2d(x, weight, bias, options),
			inputs,
			(dy) => {
				const gradients = conv2dBackward(inputs[0], inputs[1], dy, options);
				return [gradients.x, gradients.weight, gradients.bias];
			},
		);
	});
}

const transposedConvolutions: [x: number[], weight: number[], options: TransposedConvolutionOptions][] = [
	[[2, 3, 3, 4], [3, 2, 3, 3], {}],
	[[1, 4, 3, 2], [4, 3, 4, 3], { stride: 2, padding: 1, groups: 2, outputPadding: [0, 1] }],
	[[2, 2, 3, 3], [2, 2, 2, 3], { stride: [3, 1], padding: [1, 2], outputPadding: [2, 0], dilation: [2, 2] }],
];

for (const [x, weight, options] of transposedConvolutions) {
	test(`convTranspose2d [${x}] with [${weight}] ${JSON.stringify(options)}`, () => {
		const inputs = [x, weight, [weight[1] * (options.groups ?? 1)]].map((shape) => randomArray(random, shape));
		check(
			"convTranspose2d",
			([x, weight, bias]) => convTranspose2d(x, weight, bias, options),
			inputs,
			(dy) => {
				const gradients = convTranspose2dBackward(inputs[0], inputs[1], dy, options);
				return [gradients.x, gradients.weight, gradients.bias];
			},
		);
	});
}

test("convTranspose2d is the gradient of conv2d", () => {
	const options = { stride: 2, padding: 1, groups: 2 };
	const [x, weight, dy] = [
		[2, 4, 6, 8],
		[6, 2, 4, 4],
		[2, 6, 3, 4],
	].map((shape) => randomArray(random, shape));
	const gradient = conv2dBackward(x, weight, dy, options).x;
	assertClose(convTranspose2d(dy, weight, undefined, options).data, gradient.data, 1e-14, "transposed");
});

for (const name of [
	"exp",
	"log",
	"sqrt",
	"square",
	"reciprocal",
	"sin",
	"cos",
	"tanh",
	"sigmoid",
	"silu",
	"gelu",
	"geluTanh",
	"leakyRelu",
	"elu",
	"softplus",
	"clamp",
	"abs",
	"neg",
] satisfies UnaryName[])
	test(name, () => {
		const settings = { a: 0.7, b: 1.1 };
		// Away from bends.
		const x = map(
			randomArray(random, [3, 7], 0.05, 2),
			(value, i) =>
				(i % 2 === 0 || ["log", "sqrt"].includes(name) ? value : -value) + (Math.abs(value - 1.1) < 0.01 ? 0.1 : 0),
		);
		check(
			name,
			([x]) => unary(name, x, settings),
			[x],
			(dy) => [unaryBackward(name, x, dy, settings)],
		);
	});

test("max and min, logSumExp, cumsum", () => {
	const x = randomArray(random, [3, 4, 5]);
	for (const options of [{}, { axis: 1 }, { axis: [0, 2], keepDim: true }]) {
		for (const name of ["max", "min"] as const)
			check(
				name,
				([x]) => reduce(name, x, options),
				[x],
				(dy) => [reduceBackward(name, x, dy, options)],
			);
		check(
			"logSumExp",
			([x]) => logSumExp(x, options),
			[x],
			(dy) => [logSumExpBackward(x, dy, options)],
		);
	}
	check(
		"cumsum",
		([x]) => cumsum(x, 1),
		[x],
		(dy) => [cumsum(dy, 1, true)],
	);
});

test("shapes and indexing", () => {
	const x = randomArray(random, [3, 5, 2]);
	const indices = array(
		[2, 5, 2],
		Array.from({ length: 20 }, (_, i) => (i * 7) % 4),
	);
	check(
		"pad",
		([x]) => pad(x, [4, 7, 2], [1, -1, 0]),
		[x],
		(dy) => [pad(dy, [3, 5, 2], [-1, 1, 0])],
	);
	check(
		"slice",
		([x]) => slice(x, 1, 1, 5, 2),
		[x],
		(dy) => [pad(dy, [3, 5, 2], [0, 1, 0], 0, [1, 2, 1])],
	);
	check(
		"gather",
		([x]) => gather(x, 0, indices),
		[x],
		(dy) => [scatterAdd(zeros(x.shape), 0, indices, dy)],
	);
	check(
		"where",
		([a, b]) => where(x, a, b),
		[randomArray(random, [5, 1]), randomArray(random, [3, 1, 2])],
		(dy) => {
			const gradients = whereBackward(x, zeros([5, 1]), zeros([3, 1, 2]), dy);
			return [gradients.a, gradients.b];
		},
	);
});

for (const name of ["l1Loss", "smoothL1Loss", "binaryCrossEntropyWithLogits"] satisfies PairLossName[])
	test(name, () => {
		const inputs = [randomArray(random, [3, 7], 2, 4), randomArray(random, [3, 7], 0, 1)] as const;
		check(
			name,
			([a, b]) => pairLoss(name, a, b, 1.5),
			[...inputs],
			(dy) => {
				const gradients = pairLossBackward(name, ...inputs, dy, 1.5);
				return [gradients.a, gradients.b];
			},
		);
	});

test("nllLoss", () => {
	const x = randomArray(random, [3, 4, 2]);
	const targets = [0, 3, 1, 2, 9, 1];
	const options = { smoothing: 0.2, ignoreIndex: 2 };
	check(
		"nllLoss",
		([x]) => map(nllLoss(x, targets, options), (value) => (Number.isFinite(value) ? value : 0)),
		[x],
		(dy) => [nllLossBackward(x, targets, dy, options)],
	);
});

test("relu and scale", () => {
	const x = map(randomArray(random, [3, 7]), (value) => (Math.abs(value) < 0.01 ? 0.5 : value));
	check(
		"relu",
		([x]) => relu(x),
		[x],
		(dy) => [reluBackward(x, dy)],
	);
	check(
		"scale",
		([x]) => scale(x, -1.5),
		[x],
		(dy) => [scale(dy, -1.5)],
	);
	assert.equal([...reluBackward(array([3], [-1, 0, 1]), array([3], [5, 6, 7])).data], [0, 0, 7]);
});

for (const name of ["add", "sub", "mul", "div", "maximum", "minimum", "pow"] satisfies BinaryName[]) {
	test(`${name} with broadcasting`, () => {
		const shapes = [
			[
				[2, 3, 4],
				[2, 3, 4],
			],
			[
				[2, 3, 4],
				[3, 1],
			],
			[[], [2, 2]],
			[[4], [2, 3, 1]],
		];
		for (const pair of shapes) {
			const inputs = pair.map((shape) => randomArray(random, shape, 0.5, 2));
			check(
				`${name} [${pair[0]}] [${pair[1]}]`,
				([a, b]) => binary(name, a, b),
				inputs,
				(dy) => {
					const gradients = binaryBackward(name, inputs[0], inputs[1], dy);
					return [gradients.a, gradients.b];
				},
			);
		}
	});
}

test("nearestCode picks the nearest row, the lowest index among equals", () => {
	const codebook = array([4, 2], [5, 5, 1, 0, 0, 1, 1, 0]);
	const indices = nearestCode(array([3, 2], [2, 0, 0, 0, 4, 4]), codebook);
	assert.equal([...indices], [1, 1, 0]);
	assert.is(excessOf(array([1, 2], [2, 0]), codebook, 0, 2, 1), (5 - 1) / (4 * 2 ** -23));
});

test("nearestCode reads the channels of an image as rows", () => {
	const rows = randomArray(random, [2 * 3 * 5, 4]);
	const image = permute(array([2, 3, 5, 4], rows.data), [0, 3, 1, 2]);
	const codebook = randomArray(random, [6, 4]);
	assert.equal(nearestCode(image, codebook), nearestCode(rows, codebook));
});

test("embedding", () => {
	const weight = randomArray(random, [5, 3]);
	const indices = [4, 0, 4, 2, 7, 4];
	check(
		"embedding",
		([weight]) => embedding(indices, [2, 3], weight),
		[weight],
		(dy) => [embeddingBackward(indices, weight, dy)],
	);
	assert.equal([...embedding(indices, [6], weight).data.subarray(12, 15)], [0, 0, 0]);
});

test("mseLoss", () => {
	const inputs = [randomArray(random, [3, 5]), randomArray(random, [3, 5])];
	check(
		"mseLoss",
		([a, b]) => array([], [mseLoss(a, b, 2.5)]),
		inputs,
		(dy) => {
			const gradients = mseLossBackward(inputs[0], inputs[1], 2.5, dy.data[0]);
			return [gradients.a, gradients.b];
		},
	);
});

for (const axis of [0, 1, 2]) {
	test(`softmax, logSoftmax and crossEntropy over axis ${axis}`, () => {
		const x = randomArray(random, [3, 4, 2], -3, 3);
		check(
			"softmax",
			([x]) => softmax(x, axis),
			[x],
			(dy) => [softmaxBackward(x, axis, dy)],
		);
		check(
			"logSoftmax",
			([x]) => logSoftmax(x, axis),
			[x],
			(dy) => [logSoftmaxBackward(x, axis, dy)],
		);
		const targets = randomIndices(random, x.data.length / x.shape[axis], x.shape[axis]);
		check(
			"crossEntropy",
			([x]) => array([], [crossEntropy(x, targets, axis)]),
			[x],
			(dy) => [crossEntropyBackward(x, targets, axis, dy.data[0])],
		);
	});
}

test("softmax of large numbers neither overflows nor loses the small", () => {
	assertClose(
		softmax(array([3], [1000, 1001, -1000]), 0).data,
		[1 / (1 + Math.E), Math.E / (1 + Math.E), 0],
		1e-12,
		"softmax",
	);
});

for (const [transposeA, transposeB] of [
	[false, false],
	[true, false],
	[false, true],
	[true, true],
]) {
	test(`matmul${transposeA ? ", a transposed" : ""}${transposeB ? ", b transposed" : ""}`, () => {
		const options = { transposeA, transposeB };
		const inputs = [
			randomArray(random, transposeA ? [4, 3] : [3, 4]),
			randomArray(random, transposeB ? [5, 4] : [4, 5]),
		];
		check(
			"matmul",
			([a, b]) => matmul(a, b, options),
			inputs,
			(dy) => {
				const gradients = matmulBackward(inputs[0], inputs[1], dy, options);
				return [gradients.a, gradients.b];
			},
		);
	});
}

for (const shapes of [
	[
		[2, 1, 3, 4],
		[5, 4, 2],
	],
	[[4], [3, 4, 2]],
	[[2, 3, 4], [4]],
])
	test(`matmul of [${shapes[0]}] and [${shapes[1]}]`, () => {
		const inputs = shapes.map((shape) => randomArray(random, shape));
		const backward = (dy: Array64) => Object.values(matmulBackward(inputs[0], inputs[1], dy));
		check("matmul", ([a, b]) => matmul(a, b), inputs, backward);
	});

test("linear", () => {
	const inputs = [[2, 3, 4], [5, 4], [5]].map((shape) => randomArray(random, shape));
	const backward = (dy: Array64) => Object.values(linearBackward(inputs[0], inputs[1], dy));
	check("linear", ([x, weight, bias]) => linear(x, weight, bias), inputs, backward);
});

test("attention", () => {
	const inputs = [
		[2, 3, 4],
		[2, 5, 4],
		[2, 5, 3],
	].map((shape) => randomArray(random, shape));
	const [q, k, v] = inputs;
	const none = Number.NEGATIVE_INFINITY;
	const mask = array([3, 5], [1, 2, none, 0, 1, none, none, none, none, none, 0, -1, none, 2, 1]);
	for (const options of [{}, { causal: true, scale: 2 }, { mask }]) {
		const backward = (dy: Array64) => Object.values(attentionBackward(q, k, v, dy, options));
		check("attention", ([q, k, v]) => attention(q, k, v, options), inputs, backward);
	}
});

test("sum and mean", () => {
	const x = randomArray(random, [3, 4, 2]);
	const options: ReductionOptions[] = [{}, { axis: 0 }, { axis: 1 }, { axis: 2 }, { axis: 1, keepDim: true }];
	for (const reduction of options) {
		check(
			"sum",
			([x]) => sum(x, reduction),
			[x],
			(dy) => [sumBackward(x, dy, reduction)],
		);
		check(
			"mean",
			([x]) => mean(x, reduction),
			[x],
			(dy) => [meanBackward(x, dy, reduction)],
		);
	}
	assert.equal(sum(x, { axis: 1, keepDim: true }).shape, [3, 1, 2]);
	assert.equal(sum(x, { axis: 1 }).shape, [3, 2]);
	assert.equal([...sum(array([2, 2], [1, 2, 3, 4]), { axis: 0 }).data], [4, 6]);
});

test("permute", () => {
	const x = randomArray(random, [2, 3, 4]);
	check(
		"permute",
		([x]) => permute(x, [2, 0, 1]),
		[x],
		(dy) => [permuteBackward(dy, [2, 0, 1])],
	);
	assert.equal([...permute(array([2, 3], [1, 2, 3, 4, 5, 6]), [1, 0]).data], [1, 4, 2, 5, 3, 6]);
});

test("Adam's first step has the length lr, and its second follows the formula", () => {
	const parameter = array([1], [1]);
	const adam = new Adam(parameter, { lr: 0.1, betas: [0.5, 0.75], eps: 0 });
	adam.step(array([1], [4]));
	assertClose(parameter.data, [0.9], 1e-15, "first step");
	adam.step(array([1], [-2]));
	// m = (4·½·½ − 2·½) / ¾ = 0;  v does not matter.
	assertClose(parameter.data, [0.9], 1e-15, "second step");
	adam.step(array([1], [2]));
	// m = (0 + 2·½) / ⅞;  v stays 4, and 4 / (1 − (¾)³) = 4 · 64/37.
	assertClose(parameter.data, [0.9 - (0.1 * (8 / 7)) / Math.sqrt((4 * 64) / 37)], 1e-15, "third step");
});

test("gatherImages", () => {
	const images = gatherImages(Uint8Array.of(0, 51, 102, 153, 204, 255), [3, 1, 1, 2], [2, 0, 2]);
	assert.equal(images.shape, [3, 1, 1, 2]);
	assertClose(images.data, [0.3, 0.5, -0.5, -0.3, 0.3, 0.5], 1e-12, "images");
});

test.run();
