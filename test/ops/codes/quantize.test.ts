import { ArgumentError, DTypeError, quantize, ShapeError } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../../src/base/random.js";
import { type Array64, array } from "../../reference/array.js";
import { codebookGradient } from "../../reference/codes.js";
import { assertClose, assertThrows, checkOp, checkStepMemory, device, randomArray, tensorOf } from "../../support.js";

const test = suite("quantize");

interface Case {
	readonly z: number[];
	readonly codes: number;
	readonly beta: number;
	/** Every index is one of the first so many codes. */
	readonly used?: number;
}

const cases: Case[] = [
	{ z: [1, 1], codes: 1, beta: 0.25 },
	{ z: [7, 3], codes: 5, beta: 0.25 },
	{ z: [1031, 5], codes: 7, beta: 1 },
	{ z: [2, 16, 7, 7], codes: 128, beta: 0.25 },
	{ z: [17, 3, 5, 2], codes: 67, beta: 0.5, used: 2 },
	{ z: [3, 1, 1, 11], codes: 2, beta: 0 },
];

/** Element by element: which code and dimension an element of z has, and its row. */
function* elements(shape: readonly number[]): Generator<{ at: number; row: number; d: number }> {
	const [batch, dimensions, ...positions] = shape;
	const inner = positions.reduce((product, length) => product * length, 1);
	for (let n = 0, at = 0; n < batch; n++)
		for (let d = 0; d < dimensions; d++) for (let p = 0; p < inner; p++) yield { at: at++, row: n * inner + p, d };
}

function draw({ z, codes, used = codes }: Case, seed: number) {
	const random = new Random(seed);
	const latents = randomArray(random, z);
	const codebook = randomArray(random, [codes, z[1]]);
	const rows = latents.data.length / z[1];
	const indices = Uint32Array.from({ length: rows }, () => Math.min(used - 1, Math.floor(random.uniform(0, used))));
	const nearest = array(z, new Float64Array(latents.data.length));
	for (const { at, row, d } of elements(z)) nearest.data[at] = codebook.data[indices[row] * z[1] + d];
	return { latents, codebook, indices, nearest };
}

/** Σ (z − e)² / n */
function meanSquare(z: Array64, e: Array64): number {
	return z.data.reduce((sum, value, i) => sum + (value - e.data[i]) ** 2, 0) / z.data.length;
}

for (const [i, example] of cases.entries()) {
	const { z: shape, codes, beta } = example;
	const title = `[${shape}] with ${codes} codes, commitment cost ${beta}`;
	const { latents, codebook, indices, nearest } = draw(example, 900 + i);
	const indexShape = shape.toSpliced(1, 1);
	const n = latents.data.length;
	const error = meanSquare(latents, nearest);
	/** The gradient of z for the loss, times w. */
	const gradientOfZ = (w: number) =>
		array(
			shape,
			Float64Array.from(latents.data, (value, k) => (2 * w * (value - nearest.data[k])) / n),
		);

	test(`${title}: loss`, () =>
		checkOp(title, {
			inputs: [latents, codebook],
			run: ([z, weight], gpu) => quantize(z, weight, gpu.tensor(indices, indexShape), { commitmentCost: beta }).loss,
			expected: array([], [(1 + beta) * error]),
			gradients: ({ data: [dy] }) => [
				gradientOfZ(beta * dy),
				codebookGradient(latents, codebook, indices, (2 * dy) / n),
			],
		}));

	test(`${title}: commitment loss`, () =>
		checkOp(title, {
			inputs: [latents],
			run: ([z], gpu) =>
				quantize(z, tensorOf(gpu, codebook), gpu.tensor(indices, indexShape), { commitmentCost: beta }).commitmentLoss,
			expected: array([], [error]),
			gradients: ({ data: [dy] }) => [gradientOfZ(dy)],
		}));

	test(`${title}: codes, straight through`, () =>
		checkOp(title, {
			inputs: [latents],
			run: ([z], gpu) => quantize(z, tensorOf(gpu, codebook), gpu.tensor(indices, indexShape)).quantized,
			expected: nearest,
			gradients: (dy) => [dy],
		}));
}

test("an index that is no code gives zeros, and no code a gradient", async () => {
	const gpu = await device();
	const z = gpu.parameter([1, 2, 3, 4], [2, 2]);
	const codebook = gpu.parameter([5, 6], [1, 2]);
	const { quantized, loss } = gpu.scope(() => quantize(z, codebook, gpu.tensor(Int32Array.of(0, -1), [2])));
	assert.equal([...(await quantized.data())], [5, 6, 0, 0]);
	assertClose(await loss.data(), [(1.25 * (16 + 16 + 9 + 16)) / 4], 1e-6, "loss");
	for (const tensor of [z, codebook, quantized, loss]) tensor.dispose();
});

test("leaves nothing behind", () => {
	const { latents, codebook, indices } = draw({ z: [2, 3, 4, 4], codes: 5, beta: 0.25 }, 950);
	return checkStepMemory({
		inputs: [latents, codebook],
		run: ([z, weight], gpu) => quantize(z, weight, gpu.tensor(indices, [2, 4, 4])).loss,
	});
});

test("refuses shapes that do not fit, other dtypes and commitment costs below 0", async () => {
	const gpu = await device();
	gpu.scope(() => {
		const z = gpu.tensor(new Float32Array(24), [2, 3, 2, 2]);
		const codebook = gpu.tensor(new Float32Array(15), [5, 3]);
		const indices = gpu.tensor(new Uint32Array(8), [2, 2, 2]);
		const other = gpu.tensor(new Uint32Array(8), [8]);
		assertThrows(() => quantize(z, gpu.tensor([1, 2], [1, 2]), indices), ShapeError, [
			[2, 3, 2, 2],
			[1, 2],
		]);
		assertThrows(() => quantize(z, codebook, other), ShapeError, [[8], [2, 2, 2]]);
		assertThrows(() => quantize(z, codebook, z as never), DTypeError, ["indices"]);
		assertThrows(() => quantize(z, codebook, indices, { commitmentCost: -1 }), ArgumentError, ["-1"]);
	});
});

test.run();
