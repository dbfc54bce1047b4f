import {
	backward,
	GradientError,
	mul,
	ShapeError,
	scaledDotProductAttention,
	stopGradient,
	sum,
	type Tensor,
} from "tessera-gpu";
import { suite } from "uvu";
import { Random } from "../../src/base/random.js";
import { type Array64, map } from "../reference/array.js";
import * as reference from "../reference/attention.js";
import {
	assertSame,
	assertThrows,
	checkOp,
	checkStepMemory,
	device,
	parameterOf,
	randomArray,
	tensorOf,
	variants,
} from "../support.js";

const test = suite("scaledDotProductAttention");

interface Case {
	/** The leading axes. */
	readonly batch: number[];
	readonly queries: number;
	readonly keys: number;
	readonly length: number;
	/** Of the values, if it is another. */
	readonly columns?: number;
	readonly causal?: true;
	/** The shape of a mask: "added" is float32, "attends" uint32. */
	readonly added?: number[];
	readonly attends?: number[];
	readonly scale?: number;
}

const cases: Case[] = [
	{ batch: [], queries: 1, keys: 1, length: 1 },
	{ batch: [2], queries: 7, keys: 5, length: 16, columns: 5, scale: 0.3 },
	{ batch: [2, 3], queries: 67, keys: 67, length: 16, causal: true },
	{ batch: [3], queries: 1, keys: 129, length: 64, added: [1, 129] },
	{ batch: [], queries: 129, keys: 70, length: 80, columns: 66, causal: true, added: [129, 70] },
	{ batch: [2], queries: 33, keys: 40, length: 5, columns: 80, causal: true },
	{ batch: [2, 2], queries: 9, keys: 35, length: 12, attends: [2, 1, 9, 35] },
	{ batch: [7], queries: 7, keys: 6, length: 8, added: [7, 1, 6] },
	{ batch: [2, 2], queries: 3, keys: 6, length: 140, columns: 132, added: [2, 2, 3, 6] },
];

/** A mask that some queries attend to nothing with, as 0 and −∞, or as numbers of which some are −∞. */
function maskOf(shape: number[], added: boolean): Array64 {
	const random = new Random(7);
	return map(randomArray(random, shape), (value, i) => {
		const row = Math.floor(i / (shape[shape.length - 1] as number));
		const masked = random.uniform() < 0.3 || row === 3;
		return masked ? Number.NEGATIVE_INFINITY : added ? value : 0;
	});
}

for (const [
	i,
	{ batch, queries, keys, length, columns = length, causal = false, added, attends, scale },
] of cases.entries())
	test(`[${[...batch, queries, length]}] over [${[...batch, keys, columns]}]${causal ? ", causal" : ""}${added ? ", mask added" : ""}${attends ? ", mask" : ""}`, async () => {
		const random = new Random(1400 + i);
		const shapes = [[queries, length], [keys, length], [keys, columns]]; // biome-ignore format: q, k and v
		const inputs = shapes.map((shape) => randomArray(random, [...batch, ...shape], -2, 2));
		const [q, k, v] = inputs;
		const maskShape = added ?? attends;
		const mask = maskShape && maskOf(maskShape, added !== undefined);
		const options = { causal, ...(mask && { mask }), ...(scale && { scale }) };
		await checkOp("attention", {
			inputs,
			run: ([q, k, v], gpu) => {
				const tensor =
					mask &&
					(added
						? tensorOf(gpu, mask)
						: gpu.tensor(
								Uint32Array.from(mask.data, (value) => (value === 0 ? 5 : 0)),
								mask.shape,
							));
				return scaledDotProductAttention(q, k, v, { ...options, ...(tensor && { mask: tensor }) } as object);
			},
			expected: reference.attention(q, k, v, options),
			gradients: (dy) => Object.values(reference.attentionBackward(q, k, v, dy, options)),
		});
	});

test("large scores neither overflow nor vanish", async () => {
	const [q, k, v] = [1, 2, 3].map((seed) => randomArray(new Random(seed), [2, 40, 4], -40, 40));
	await checkOp("attention", {
		inputs: [q, k, v],
		run: ([q, k, v]) => scaledDotProductAttention(q, k, v, { causal: true }),
		expected: reference.attention(q, k, v, { causal: true }),
		gradients: (dy) => Object.values(reference.attentionBackward(q, k, v, dy, { causal: true })),
	});
});

test("a captured step gives the bits of an eager one", async () => {
	const gpu = await device();
	const inputs = [1, 2, 3].map((seed) => parameterOf(gpu, randomArray(new Random(seed), [2, 35, 6])));
	const [q, k, v] = inputs;
	const step = () =>
		gpu.scope(() => {
			const y = scaledDotProductAttention(q, k, v, { causal: true });
			backward(sum(mul(y, y)));
			return y;
		});
	const results = async (y: Tensor) => gpu.readAll([y, ...inputs.map(({ grad }) => grad)]);
	const y = step();
	const eager = await results(y);
	for (const input of inputs) input.zeroGrad();
	const captured = gpu.capture(step);
	const replayed = await results(captured.replay());
	for (const [i, values] of eager.entries()) assertSame(replayed[i] as Float32Array, values as Float32Array, `${i}`);
	captured.dispose();
	for (const tensor of [y, ...inputs]) tensor.dispose();
});

test("the gradient of the queries alone has the same bits", async () => {
	const arrays = [1, 2, 3].map((seed) => randomArray(new Random(seed), [2, 35, 6]));
	for (const gpu of await variants()) {
		const parameters = arrays.map((x) => parameterOf(gpu, x));
		const gradients = [true, false].map((all) =>
			gpu.scope(() => {
				const [q, k, v] = parameters.map((x, i) => (all || i === 0 ? x : stopGradient(x)));
				backward(sum(scaledDotProductAttention(q, k, v)));
				const gradient = gpu.clone(parameters[0].grad);
				for (const parameter of parameters) parameter.zeroGrad();
				return gradient;
			}),
		);
		const [all, alone] = await gpu.readAll(gradients);
		assertSame(alone, all, gpu.variants[0]);
		for (const tensor of [...gradients, ...parameters]) tensor.dispose();
	}
});

test("leaves nothing behind", () => {
	const inputs = [1, 2, 3].map((seed) => randomArray(new Random(seed), [3, 9, 5]));
	return checkStepMemory({ inputs, run: ([q, k, v]) => scaledDotProductAttention(q, k, v) });
});

test("refuses what does not fit", async () => {
	const gpu = await device();
	gpu.scope(() => {
		const of = (...shape: number[]) => gpu.zeros(shape);
		const x = of(2, 4, 3);
		assertThrows(() => scaledDotProductAttention(of(3), x, x), ShapeError, ["q must be", [3]]);
		assertThrows(() => scaledDotProductAttention(x, of(2, 4, 5), x), ShapeError, [[2, 4, 3], [2, 4, 5]]); // biome-ignore format: shapes
		assertThrows(() => scaledDotProductAttention(x, x, of(2, 5, 3)), ShapeError, [[2, 5, 3]]);
		assertThrows(() => scaledDotProductAttention(x, x, of(4, 3)), ShapeError, [[4, 3]]);
		assertThrows(() => scaledDotProductAttention(x, x, x, { mask: of(4, 5) }), ShapeError, [[2, 4, 4], [4, 5]]); // biome-ignore format: shapes
		const learnt = gpu.parameter(new Float32Array(16), [4, 4]);
		assertThrows(() => scaledDotProductAttention(x, x, x, { mask: learnt }), GradientError, ["stopGradient"]);
		learnt.dispose();
	});
});

test.run();
