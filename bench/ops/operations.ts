import type * as Jax from "@jax-js/jax";
import type * as Tfjs from "@tensorflow/tfjs-core";
import {
	add,
	argmax,
	avgPool2d,
	binaryCrossEntropyWithLogits,
	cat,
	cumsum,
	div,
	exp,
	flip,
	gelu,
	greater,
	interpolate,
	layerNorm,
	logSumExp,
	matmul,
	max,
	maximum,
	maxPool2d,
	mean,
	mul,
	pad,
	permute,
	relu,
	type Shape,
	scaledDotProductAttention,
	sigmoid,
	slice,
	softmax,
	sum,
	type Tensor,
	tanh,
	variance,
	where,
} from "tessera-gpu";

/** An operation in the three libraries. */
export interface Operation {
	readonly name: string;
	/** The shapes of its arguments, float32. */
	readonly inputs: readonly Shape[];
	/** Additions, multiplications, comparisons and so on, each as one; 0 if it only moves elements. */
	readonly operations: number;
	readonly ours: (inputs: readonly Tensor[]) => Tensor;
	readonly tfjs: (tf: typeof Tfjs, inputs: readonly Tfjs.Tensor[]) => Tfjs.Tensor;
	readonly jax: (jax: typeof Jax, inputs: readonly Jax.Array[]) => Jax.Array;
}

/** Rows, inner length and columns: squares, and layers of multilayer perceptrons. */
const products = [
	[128, 128, 128],
	[256, 256, 256],
	[512, 512, 512],
	[1024, 1024, 1024],
	[2048, 2048, 2048],
	[100, 784, 128],
	[128, 784, 256],
	[64, 1024, 1024],
] as const;

/** 4 Mi elements. */
const matrix = [4096, 1024] as const;
const elements = matrix[0] * matrix[1];
const images = [32, 64, 56, 56] as const;

export const operations: readonly Operation[] = [
	...products.map(
		([rows, inner, columns]): Operation => ({
			name: `matmul/${rows}x${inner}x${columns}`,
			inputs: [
				[rows, inner],
				[inner, columns],
			],
			operations: 2 * rows * inner * columns,
			ours: ([a, b]) => matmul(a, b),
			tfjs: (tf, [a, b]) => tf.matMul(a, b),
			jax: ({ numpy }, [a, b]) => numpy.matmul(a, b),
		}),
	),
	{
		name: "relu/4096x1024",
		inputs: [matrix],
		operations: elements,
		ours: ([x]) => relu(x),
		tfjs: (tf, [x]) => tf.relu(x),
		jax: ({ nn }, [x]) => nn.relu(x),
	},
	{
		name: "add/4096x1024",
		inputs: [matrix, matrix],
		operations: elements,
		ours: ([a, b]) => add(a, b),
		tfjs: (tf, [a, b]) => tf.add(a, b),
		jax: ({ numpy }, [a, b]) => numpy.add(a, b),
	},
	{
		name: "add-row/4096x1024",
		inputs: [matrix, [matrix[1]]],
		operations: elements,
		ours: ([a, b]) => add(a, b),
		tfjs: (tf, [a, b]) => tf.add(a, b),
		jax: ({ numpy }, [a, b]) => numpy.add(a, b),
	},
	{
		name: "mul/4096x1024",
		inputs: [matrix, matrix],
		operations: elements,
		ours: ([a, b]) => mul(a, b),
		tfjs: (tf, [a, b]) => tf.mul(a, b),
		jax: ({ numpy }, [a, b]) => numpy.multiply(a, b),
	},
	{
		name: "sum/4096x1024",
		inputs: [matrix],
		operations: elements,
		ours: ([x]) => sum(x),
		tfjs: (tf, [x]) => tf.sum(x),
		jax: ({ numpy }, [x]) => numpy.sum(x),
	},
	...([0, 1] as const).map(
		(axis): Operation => ({
			name: `sum-axis-${axis}/4096x1024`,
			inputs: [matrix],
			operations: elements,
			ours: ([x]) => sum(x, axis),
			tfjs: (tf, [x]) => tf.sum(x, axis),
			jax: ({ numpy }, [x]) => numpy.sum(x, axis),
		}),
	),
	{
		name: "softmax/4096x1024",
		inputs: [matrix],
		// The largest, the difference from it, its exponential, their sum, the quotient.
		operations: 5 * elements,
		ours: ([x]) => softmax(x, -1),
		tfjs: (tf, [x]) => tf.softmax(x, -1),
		jax: ({ nn }, [x]) => nn.softmax(x, -1),
	},
	{
		name: "permute-0231/32x64x56x56",
		inputs: [images],
		operations: 0,
		ours: ([x]) => permute(x, [0, 2, 3, 1]),
		tfjs: (tf, [x]) => tf.transpose(x, [0, 2, 3, 1]),
		jax: ({ numpy }, [x]) => numpy.transpose(x, [0, 2, 3, 1]),
	},
	{
		name: "permute-10/2048x2048",
		inputs: [[2048, 2048]],
		operations: 0,
		ours: ([x]) => permute(x, [1, 0]),
		tfjs: (tf, [x]) => tf.transpose(x, [1, 0]),
		jax: ({ numpy }, [x]) => numpy.transpose(x, [1, 0]),
	},
	...elementwise(),
	...reductions(),
	...moves(),
	...networks(),
];

/** Operations on one or two matrices, element by element. */
function elementwise(): Operation[] {
	const [rows, columns] = matrix;
	const two = [matrix, matrix];
	const row = (
		name: string,
		inputs: readonly Shape[],
		ours: Operation["ours"],
		tfjs: Operation["tfjs"],
		jax: Operation["jax"],
	): Operation => ({ name: `${name}/4096x1024`, inputs, operations: elements, ours, tfjs, jax });
	return [
		row(
			"maximum",
			two,
			([a, b]) => maximum(a, b),
			(tf, [a, b]) => tf.maximum(a, b),
			({ numpy }, [a, b]) => numpy.maximum(a, b),
		),
		row(
			"div",
			two,
			([a, b]) => div(a, add(b, 2)),
			(tf, [a, b]) => tf.div(a, tf.add(b, 2)),
			({ numpy }, [a, b]) => numpy.trueDivide(a, numpy.add(b, 2)),
		),
		row(
			"where",
			two,
			([a, b]) => where(greater(a, 0), a, b),
			(tf, [a, b]) => tf.where(tf.greater(a, 0), a, b),
			({ numpy }, [a, b]) => numpy.where(numpy.greater(a.ref, 0), a, b),
		),
		row(
			"add-column",
			[matrix, [rows, 1]],
			([a, b]) => add(a, b),
			(tf, [a, b]) => tf.add(a, b),
			({ numpy }, [a, b]) => numpy.add(a, b),
		),
		row(
			"add-between",
			[
				[64, 64, columns],
				[64, 1, columns],
			],
			([a, b]) => add(a, b),
			(tf, [a, b]) => tf.add(a, b),
			({ numpy }, [a, b]) => numpy.add(a, b),
		),
		row(
			"exp",
			[matrix],
			([x]) => exp(x),
			(tf, [x]) => tf.exp(x),
			({ numpy }, [x]) => numpy.exp(x),
		),
		row(
			"tanh",
			[matrix],
			([x]) => tanh(x),
			(tf, [x]) => tf.tanh(x),
			({ numpy }, [x]) => numpy.tanh(x),
		),
		row(
			"sigmoid",
			[matrix],
			([x]) => sigmoid(x),
			(tf, [x]) => tf.sigmoid(x),
			({ nn }, [x]) => nn.sigmoid(x),
		),
		row(
			"gelu",
			[matrix],
			([x]) => gelu(x),
			(tf, [x]) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)),
			({ nn }, [x]) => nn.gelu(x, { approximate: false }),
		),
		row(
			"binary-cross-entropy",
			two,
			([a, b]) => binaryCrossEntropyWithLogits(a, b),
			(tf, [a, b]) => tf.mean(tf.add(tf.sub(tf.relu(a), tf.mul(a, b)), tf.log1p(tf.exp(tf.neg(tf.abs(a)))))),
			({ numpy, nn }, [a, b]) =>
				numpy.mean(
					numpy.add(
						numpy.subtract(nn.relu(a.ref), numpy.multiply(a.ref, b)),
						numpy.log1p(numpy.exp(numpy.negative(numpy.absolute(a)))),
					),
				),
		),
	];
}

/** Reductions of a matrix: over all elements, columns (axis 0) and rows (axis 1). */
function reductions(): Operation[] {
	const row = (name: string, ours: Operation["ours"], tfjs: Operation["tfjs"], jax: Operation["jax"]): Operation => ({
		name: `${name}/4096x1024`,
		inputs: [matrix],
		operations: elements,
		ours,
		tfjs,
		jax,
	});
	return [
		row(
			"mean-axis-1",
			([x]) => mean(x, 1),
			(tf, [x]) => tf.mean(x, 1),
			({ numpy }, [x]) => numpy.mean(x, 1),
		),
		row(
			"max",
			([x]) => max(x),
			(tf, [x]) => tf.max(x),
			({ numpy }, [x]) => numpy.max(x),
		),
		...([0, 1] as const).map((axis) =>
			row(
				`max-axis-${axis}`,
				([x]) => max(x, axis),
				(tf, [x]) => tf.max(x, axis),
				({ numpy }, [x]) => numpy.max(x, axis),
			),
		),
		row(
			"argmax-axis-1",
			([x]) => argmax(x, 1) as unknown as Tensor,
			(tf, [x]) => tf.argMax(x, 1),
			({ numpy }, [x]) => numpy.argmax(x, 1),
		),
		row(
			"logsumexp-axis-1",
			([x]) => logSumExp(x, 1),
			(tf, [x]) => tf.logSumExp(x, 1),
			({ nn }, [x]) => nn.logsumexp(x, 1),
		),
		row(
			"variance-axis-1",
			([x]) => variance(x, { axis: 1, correction: 0 }),
			(tf, [x]) => tf.moments(x, 1).variance,
			({ numpy }, [x]) => numpy.var_(x, 1),
		),
		row(
			"cumsum-axis-1",
			([x]) => cumsum(x, 1),
			(tf, [x]) => tf.cumsum(x, 1),
			({ numpy }, [x]) => numpy.cumsum(x, 1),
		),
	];
}

/** Operations that only move elements. */
function moves(): Operation[] {
	const [rows, columns] = matrix;
	const row = (
		name: string,
		inputs: readonly Shape[],
		ours: Operation["ours"],
		tfjs: Operation["tfjs"],
		jax: Operation["jax"],
	): Operation => ({ name: `${name}/4096x1024`, inputs, operations: 0, ours, tfjs, jax });
	return [
		row(
			"slice-columns",
			[matrix],
			([x]) => slice(x, 1, 0, columns / 2),
			(tf, [x]) => tf.slice(x, [0, 0], [rows, columns / 2]),
			(_, [x]) => x.slice([], [0, columns / 2]),
		),
		row(
			"cat-columns",
			[
				[rows, columns / 2],
				[rows, columns / 2],
			],
			([a, b]) => cat([a, b], 1),
			(tf, [a, b]) => tf.concat([a, b], 1),
			({ numpy }, [a, b]) => numpy.concatenate([a, b], 1),
		),
		row(
			"flip-columns",
			[matrix],
			([x]) => flip(x, 1),
			(tf, [x]) => tf.reverse(x, 1),
			({ numpy }, [x]) => numpy.flip(x, 1),
		),
		row(
			"pad",
			[matrix],
			([x]) => pad(x, [[1, 1], [2, 2]]), // biome-ignore format: a pair for each axis
			(tf, [x]) => tf.pad(x, [[1, 1], [2, 2]]), // biome-ignore format: likewise
			({ numpy }, [x]) => numpy.pad(x, [[1, 1], [2, 2]]), // biome-ignore format: likewise
		),
	];
}

/** What networks are made of besides convolutions; tfjs and jax-js compose most of it. */
function networks(): Operation[] {
	const square = [32, 64, 64, 64] as const;
	const size = square.reduce((product, length) => product * length, 1);
	const heads = [2, 8, 1024, 64] as const;
	return [
		{
			name: "layer-norm/4096x1024",
			inputs: [matrix],
			operations: 5 * elements,
			ours: ([x]) => layerNorm(x, matrix[1]),
			tfjs: (tf, [x]) => {
				const { mean, variance } = tf.moments(x, 1, true);
				return tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-5)));
			},
			jax: ({ nn }, [x]) => nn.standardize(x, -1, { epsilon: 1e-5 }),
		},
		{
			name: "max-pool-2/32x64x64x64",
			inputs: [square],
			operations: size,
			ours: ([x]) => maxPool2d(x, 2),
			tfjs: (tf, [x]) => tf.max(tf.reshape(x, [32, 64, 32, 2, 32, 2]), [3, 5]),
			jax: ({ numpy }, [x]) => numpy.max(numpy.reshape(x, [32, 64, 32, 2, 32, 2]), [3, 5]),
		},
		{
			name: "avg-pool-2/32x64x64x64",
			inputs: [square],
			operations: size,
			ours: ([x]) => avgPool2d(x, 2),
			tfjs: (tf, [x]) => tf.mean(tf.reshape(x, [32, 64, 32, 2, 32, 2]), [3, 5]),
			jax: ({ numpy }, [x]) => numpy.mean(numpy.reshape(x, [32, 64, 32, 2, 32, 2]), [3, 5]),
		},
		{
			name: "interpolate-nearest/32x64x32x32",
			inputs: [[32, 64, 32, 32]],
			operations: 0,
			ours: ([x]) => interpolate(x, { scaleFactor: 2 }),
			tfjs: (tf, [x]) => tf.reshape(tf.tile(tf.reshape(x, [2048, 32, 1, 32, 1]), [1, 1, 2, 1, 2]), [32, 64, 64, 64]),
			jax: ({ numpy }, [x]) => numpy.repeat(numpy.repeat(x, 2, 2), 2, 3),
		},
		{
			name: "matmul-batched/64x256x256x64",
			inputs: [
				[64, 256, 256],
				[64, 256, 64],
			],
			operations: 2 * 64 * 256 * 256 * 64,
			ours: ([a, b]) => matmul(a, b),
			tfjs: (tf, [a, b]) => tf.matMul(a, b),
			jax: ({ numpy }, [a, b]) => numpy.matmul(a, b),
		},
		{
			name: "attention/2x8x1024x64",
			inputs: [heads, heads, heads],
			// Two products.
			operations: 4 * 16 * 1024 * 1024 * 64,
			ours: ([q, k, v]) => scaledDotProductAttention(q, k, v),
			tfjs: (tf, [q, k, v]) => tf.matMul(tf.softmax(tf.mul(tf.matMul(q, k, false, true), 0.125), -1), v),
			jax: ({ numpy, nn }, [q, k, v]) =>
				numpy.matmul(nn.softmax(numpy.multiply(numpy.matmul(q, numpy.transpose(k, [0, 1, 3, 2])), 0.125), -1), v),
		},
	];
}
