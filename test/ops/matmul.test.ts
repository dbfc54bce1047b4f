import { DisposedError, DTypeError, linear, matmul, ShapeError, type Tensor } from "tessera-gpu";
import { suite } from "uvu";
import { Random } from "../../src/base/random.js";
import type { Array64 } from "../reference/array.js";
import * as reference from "../reference/matmul.js";
import { assertThrows, checkOp, checkStepMemory, device, randomArray, tensorOf } from "../support.js";

const test = suite("matmul");

interface Case {
	readonly rows: number;
	readonly inner: number;
	readonly columns: number;
	/** Also with either and with both factors transposed. */
	readonly transposed?: true;
	/** Also with the tiled kernel, of which every tile is a test in test/node/long. */
	readonly tiled?: true;
}

const cases: Case[] = [
	{ rows: 1, inner: 1, columns: 1 },
	{ rows: 7, inner: 5, columns: 3, transposed: true },
	{ rows: 1, inner: 129, columns: 1 },
	{ rows: 33, inner: 1, columns: 35 },
	{ rows: 2, inner: 300, columns: 5 },
	{ rows: 67, inner: 71, columns: 65, transposed: true, tiled: true },
	{ rows: 130, inner: 17, columns: 9 },
	{ rows: 64, inner: 64, columns: 64, tiled: true },
	{ rows: 3, inner: 16, columns: 300 },
	// Factors that the blocked kernel reads as they lie, and packed ones.
	{ rows: 32, inner: 18, columns: 36, transposed: true },
];

for (const [i, { rows, inner, columns, transposed, tiled = false }] of cases.entries()) {
	for (const transposes of transposed ? ["", "a", "b", "ab"] : [""]) {
		const [transposeA, transposeB] = [transposes.includes("a"), transposes.includes("b")];
		const shapes = [transposeA ? [inner, rows] : [rows, inner], transposeB ? [columns, inner] : [inner, columns]];
		test(`[${shapes[0]}]${transposeA ? "ᵀ" : ""} · [${shapes[1]}]${transposeB ? "ᵀ" : ""}`, async () => {
			const random = new Random(1100 + i);
			const [a, b] = shapes.map((shape) => randomArray(random, shape));
			const options = { transposeA, transposeB };
			await checkOp("matmul", {
				inputs: [a, b],
				tiled,
				run: ([a, b]) => (transposeA || transposeB ? matmul(a, b, options) : matmul(a, b)),
				expected: reference.matmul(a, b, options),
				gradients: (dy) => {
					const gradients = reference.matmulBackward(a, b, dy, options);
					return [gradients.a, gradients.b];
				},
			});
		});
	}
}

/** Batches: folded into rows, one product each, a factor that all have, a partial broadcast, vectors. */
const batches: [a: number[], b: number[], transposes: string][] = [
	[[2, 3, 5, 7], [7, 6], ""],
	[[3, 17, 19], [3, 19, 21], ""],
	[[3, 19, 17], [3, 21, 19], "ab"],
	[[16, 18], [2, 2, 18, 36], ""],
	[[5, 18, 16], [18, 12], "a"],
	[[2, 1, 5, 33], [3, 9, 33], "b"],
	[[33], [2, 33, 5], ""],
	[[2, 3, 35], [35], ""],
	[[9], [9], ""],
];

for (const [i, [shapeA, shapeB, transposes]] of batches.entries())
	test(`batches [${shapeA}] · [${shapeB}]${transposes && `, transposed: ${transposes}`}`, async () => {
		const options = { transposeA: transposes.includes("a"), transposeB: transposes.includes("b") };
		const random = new Random(1200 + i);
		const [a, b] = [shapeA, shapeB].map((shape) => randomArray(random, shape));
		await checkOp("matmul", {
			inputs: [a, b],
			tiled: true,
			run: ([a, b]) => matmul(a, b, options),
			expected: reference.matmul(a, b, options),
			gradients: (dy) => {
				const gradients = reference.matmulBackward(a, b, dy, options);
				return [gradients.a, gradients.b];
			},
		});
	});

for (const shape of [[5], [2, 3, 5]])
	test(`linear of [${shape}]`, async () => {
		const random = new Random(1300);
		const inputs = [shape, [7, 5], [7]].map((shape) => randomArray(random, shape));
		const [x, weight, bias] = inputs;
		const gradients = (dy: Array64) => Object.values(reference.linearBackward(x, weight, dy));
		const run = ([x, weight, bias]: Tensor[]) => linear(x, weight, bias);
		await checkOp("linear", { inputs, run, expected: reference.linear(x, weight, bias), gradients });
		await checkOp("without a bias", {
			inputs: [x, weight],
			run,
			expected: reference.linear(x, weight),
			gradients: (dy) => gradients(dy).slice(0, 2),
		});
	});

test("leaves nothing behind", () => {
	const random = new Random(1);
	const inputs = [randomArray(random, [20, 30]), randomArray(random, [10, 20])];
	return checkStepMemory({ inputs, run: ([a, b]) => matmul(a, b, { transposeA: true, transposeB: true }) });
});

test("refuses what does not fit", async () => {
	const gpu = await device();
	gpu.scope(() => {
		const of = (...shape: number[]) => tensorOf(gpu, randomArray(new Random(2), shape));
		assertThrows(() => matmul(of(2, 3), of(2, 3)), ShapeError, [
			[2, 3],
			[2, 3],
		]);
		assertThrows(() => matmul(of(2, 3), of(3, 4), { transposeA: true }), ShapeError, [
			[2, 3],
			[3, 4],
		]);
		assertThrows(() => matmul(of(2, 3), of(3, 4), { transposeB: true }), ShapeError, [
			[2, 3],
			[3, 4],
		]);
		assertThrows(() => matmul(of(2, 3), of(4)), ShapeError, [[4]]);
		assertThrows(() => matmul(of(3), of(3, 4), { transposeA: true }), ShapeError, ["a must be matrices", [3]]);
		assertThrows(() => matmul(of(), of(3, 4)), ShapeError, ["a must be a vector or matrices", []]);
		assertThrows(() => matmul(of(2, 2, 3), of(5, 3, 4)), ShapeError, ["broadcast", [2, 2, 3], [5, 3, 4]]);
		assertThrows(() => linear(of(2, 3), of(3, 4)), ShapeError, ["linear: x must be [..., 4]", [3, 4]]);
		assertThrows(() => linear(of(2, 3), of(3)), ShapeError, ["linear: weight", [3]]);
		assertThrows(() => linear(of(2, 3), of(4, 3), of(3)), ShapeError, ["linear: bias must be [4]", [3]]);
		const integers = gpu.tensor(Int32Array.of(1, 2, 3), [3, 1]);
		// @ts-expect-error: the types refuse integers as well
		assertThrows(() => matmul(of(2, 3), integers), DTypeError);
		const gone = of(2, 3);
		gone.dispose();
		assertThrows(() => matmul(gone, of(3, 4)), DisposedError);
	});
});

test.run();
