import { DisposedError, DTypeError, matmul, ShapeError } from "tessera-gpu";
import { suite } from "uvu";
import { Random } from "../../src/base/random.js";
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
		assertThrows(() => matmul(of(2, 3), of(3)), ShapeError, [[3]]);
		assertThrows(() => matmul(of(2, 2, 3), of(3, 4)), ShapeError, [[2, 2, 3]]);
		const integers = gpu.tensor(Int32Array.of(1, 2, 3), [3, 1]);
		// @ts-expect-error: the types refuse integers as well
		assertThrows(() => matmul(of(2, 3), integers), DTypeError);
		const gone = of(2, 3);
		gone.dispose();
		assertThrows(() => matmul(gone, of(3, 4)), DisposedError);
	});
});

test.run();
