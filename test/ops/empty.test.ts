import * as library from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { assertThrows, variants } from "../support.js";

const { backward, ShapeError, sum } = library;
type Tensor = library.Tensor;

const test = suite("tensors without elements");

interface Case {
	/** Shapes of x, and of the result for each; none: it is refused. */
	readonly shapes: readonly (readonly [from: readonly number[], to?: readonly number[]])[];
	readonly call: (x: Tensor) => library.AnyTensor;
}

const elementwise = {
	neg: library.neg,
	abs: library.abs,
	sign: library.sign,
	exp: library.exp,
	log: library.log,
	sqrt: library.sqrt,
	square: library.square,
	reciprocal: library.reciprocal,
	sin: library.sin,
	cos: library.cos,
	tanh: library.tanh,
	sigmoid: library.sigmoid,
	silu: library.silu,
	gelu: library.gelu,
	leakyRelu: library.leakyRelu,
	elu: library.elu,
	softplus: library.softplus,
	floor: library.floor,
	round: library.round,
	relu: library.relu,
};
const binary = {
	add: library.add,
	sub: library.sub,
	mul: library.mul,
	div: library.div,
	pow: library.pow,
	maximum: library.maximum,
	minimum: library.minimum,
	equal: library.equal,
	greater: library.greater,
};
const reductions = {
	mean: library.mean,
	max: library.max,
	min: library.min,
	variance: library.variance,
	logSumExp: library.logSumExp,
};
const same = [[0, 3], [3, 0], [2, 0, 3], [0]].map((shape) => [shape, shape] as const);
const integers = (x: Tensor, shape: number[]) => x.gpu.zeros(shape, "int32");

/** The cases of several operations. */
function mapped<T>(operations: Record<string, T>, of: (operation: T) => Case, suffix = ""): Record<string, Case> {
	return Object.fromEntries(Object.entries(operations).map(([name, operation]) => [name + suffix, of(operation)]));
}

const cases: Record<string, Case> = {
	...mapped(elementwise, (operation) => ({ shapes: same, call: (x) => operation(x) })),
	...mapped(binary, (operation) => ({ shapes: same, call: (x) => operation(x, 2) })),
	...mapped(binary, (operation) => ({ shapes: same, call: (x) => operation(x, x.gpu.ones([1])) }), " with a tensor"),
	where: { shapes: same, call: (x) => library.where(library.greater(x, 0), x, 1) },
	clamp: { shapes: same, call: (x) => library.clamp(x, { min: 0 }) },
	cast: { shapes: same, call: (x) => library.cast(x, "int32") },
	scale: { shapes: same, call: (x) => library.scale(x, 2) },
	cumsum: { shapes: same, call: (x) => library.cumsum(x, -1) },
	"sum of all": { shapes: same.map(([from]) => [from, []]), call: (x) => sum(x) },
	"sum along 0": {
		shapes: [
			[[0, 3], [3]],
			[[3, 0], [0]],
		],
		call: (x) => sum(x, { axis: 0 }),
	},
	...mapped(reductions, (operation) => ({
		shapes: [
			[[0, 3], [0]],
			[
				[2, 0, 3],
				[2, 0],
			],
			[[3, 0]],
			[[0]],
		],
		call: (x) => operation(x, { axis: -1 }),
	})),
	argmax: {
		shapes: [
			[[0, 3], [0]],
			[
				[2, 0, 3],
				[2, 0],
			],
			[
				[0, 0, 3],
				[0, 0],
			],
			[[3, 0]],
			[[0]],
		],
		call: (x) => library.argmax(x, -1),
	},
	argmin: {
		shapes: [
			[[0, 3]],
			[[3, 0], [0]],
			[
				[2, 5, 0],
				[5, 0],
			],
		],
		call: (x) => library.argmin(x, 0),
	},
	reshape: {
		shapes: [
			[
				[0, 3],
				[7, 0],
			],
			[
				[2, 0, 3],
				[7, 0],
			],
		],
		call: (x) => library.reshape(x, [7, 0]),
	},
	permute: {
		shapes: [
			[
				[0, 3],
				[3, 0],
			],
		],
		call: (x) => library.permute(x, [1, 0]),
	},
	flatten: {
		shapes: [
			[
				[2, 0, 3],
				[2, 0],
			],
		],
		call: (x) => library.flatten(x, 1),
	},
	expand: {
		shapes: [
			[
				[0, 1],
				[2, 0, 3],
			],
			[
				[1, 1],
				[2, 0, 3],
			],
		],
		call: (x) => library.expand(x, [2, 0, 3]),
	},
	flip: { shapes: same, call: (x) => library.flip(x, 0) },
	slice: {
		shapes: [
			[
				[0, 3],
				[0, 3],
			],
			[
				[3, 0],
				[1, 0],
			],
			[
				[2, 3],
				[1, 3],
			],
		],
		call: (x) => library.slice(x, 0, 0, 1),
	},
	"slice of nothing": {
		shapes: [
			[
				[2, 3],
				[2, 0],
			],
		],
		call: (x) => library.slice(x, 1, 2, 2),
	},
	split: {
		shapes: [
			[
				[0, 3],
				[0, 3],
			],
			[
				[3, 0],
				[1, 0],
			],
		],
		call: (x) => library.split(x, 1)[0] as Tensor,
	},
	cat: {
		shapes: [
			[
				[0, 3],
				[2, 3],
			],
			[
				[2, 3],
				[4, 3],
			],
		],
		call: (x) => library.cat([x, x.gpu.ones([2, 3])], 0),
	},
	stack: {
		shapes: [
			[
				[0, 3],
				[0, 2, 3],
			],
		],
		call: (x) => library.stack([x, x], 1),
	},
	pad: {
		shapes: [
			[
				[3, 0],
				[5, 0],
			],
			[
				[0, 3],
				[2, 3],
			],
			[
				[0, 0],
				[2, 0],
			],
		],
		call: (x) =>
			library.pad(x, [
				[1, 1],
				[0, 0],
			]),
	},
	"pad by less than nothing": {
		shapes: [
			[
				[2, 2],
				[0, 2],
			],
			[
				[2, 0],
				[0, 0],
			],
			[[1, 2]],
		],
		call: (x) =>
			library.pad(x, [
				[-1, -1],
				[0, 0],
			]),
	},
	indexSelect: {
		shapes: [
			[
				[0, 3],
				[0, 0],
			],
			[
				[2, 3],
				[2, 0],
			],
		],
		call: (x) => library.indexSelect(x, 1, integers(x, [0])),
	},
	gather: {
		shapes: [
			[
				[0, 3],
				[0, 3],
			],
			[
				[2, 3],
				[0, 3],
			],
		],
		call: (x) => library.gather(x, 0, integers(x, [0, 3])),
	},
	scatterAdd: {
		shapes: [
			[
				[0, 3],
				[0, 3],
			],
			[
				[2, 3],
				[2, 3],
			],
		],
		call: (x) => library.scatterAdd(x, 0, integers(x, [0, 3]), x.gpu.zeros([0, 3])),
	},
	"scatterAdd of x": {
		shapes: [
			[
				[0, 3],
				[3, 3],
			],
		],
		call: (x) => library.scatterAdd(x.gpu.ones([3, 3]), 0, integers(x, [...x.shape]), x),
	},
	oneHot: { shapes: [[[0], [0, 4]]], call: (x) => library.oneHot(integers(x, [0]), 4) },
	matmul: {
		shapes: [
			[
				[0, 3],
				[0, 4],
			],
			[
				[2, 0, 3],
				[2, 0, 4],
			],
			[
				[0, 2, 3],
				[0, 2, 4],
			],
		],
		call: (x) => library.matmul(x, x.gpu.ones([3, 4])),
	},
	"matmul over nothing": {
		shapes: [
			[
				[2, 0],
				[2, 4],
			],
		],
		call: (x) => library.matmul(x, x.gpu.ones([0, 4])),
	},
	conv2d: { shapes: [[[0, 3, 4, 4]]], call: (x) => library.conv2d(x, x.gpu.ones([2, 3, 3, 3])) },
	mseLoss: { shapes: [[[0, 3]]], call: (x) => library.mseLoss(x, x.gpu.zeros([0, 3])) },
};

for (const [name, { shapes, call }] of Object.entries(cases))
	test(name, async () => {
		for (const gpu of await variants())
			for (const [from, to] of shapes) {
				const size = from.reduce((product, length) => product * length, 1);
				const x = gpu.parameter(new Float32Array(size), [...from]);
				if (to === undefined) {
					assertThrows(() => gpu.scope(() => call(x)), ShapeError, [from]);
					x.dispose();
					continue;
				}
				const y = gpu.scope(() => {
					const y = call(x);
					if (y.dtype === "float32") backward(library.add(sum(y as Tensor), sum(x)));
					return y;
				});
				const title = `${name} ${JSON.stringify(from)}`;
				assert.equal([...y.shape], [...to], title);
				// Reading waits for the adapter's errors, which come late.
				const [values, gradient] = await gpu.readAll(y.dtype === "float32" ? [y, x.grad] : [y]);
				assert.is(values?.length, y.size, title);
				if (gradient !== undefined) assert.is(gradient.length, size, title);
				y.dispose();
				x.dispose();
			}
	});

test.run();
