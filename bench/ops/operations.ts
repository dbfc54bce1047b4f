import type * as Jax from "@jax-js/jax";
import type * as Tfjs from "@tensorflow/tfjs-core";
import { add, matmul, mul, permute, relu, type Shape, softmax, sum, type Tensor } from "tessera-gpu";

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
];
