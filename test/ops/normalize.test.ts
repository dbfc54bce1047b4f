import { backward, DTypeError, ShapeError, sum } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { normalize } from "../../src/ops/normalize.js";
import { fromVectors, unit, unitBackward, vectorsOf } from "../reference/vectors.js";
import { assertClose, assertThrows, checkOp, checkStepMemory, device, randomArray } from "../support.js";

const test = suite("normalize");

for (const shape of [
	[1, 1],
	[7, 3],
	[131, 5],
	[3, 16, 7, 7],
	[2, 5, 1, 11],
])
	test(`[${shape}]: value and gradient`, async () => {
		const x = randomArray(new Random(shape.length + shape[0]), shape);
		const vectors = vectorsOf(x);
		await checkOp(`[${shape}]`, {
			inputs: [x],
			run: ([x]) => normalize(x),
			expected: fromVectors(shape, vectors.map(unit)),
			gradients: (dy) => [
				fromVectors(
					shape,
					vectorsOf(dy).map((g, n) => unitBackward(vectors[n], g)),
				),
			],
		});
	});

test("a vector of zeros stays one", async () => {
	const gpu = await device();
	const x = gpu.tensor([0, 0, 3, 4], [2, 2]);
	const y = normalize(x);
	assert.equal(
		[...(await y.data())].map((value) => Number(value.toFixed(6))),
		[0, 0, 0.6, 0.8],
	);
	for (const tensor of [x, y]) tensor.dispose();
});

test("a vector shorter than 1e-12 is divided by that, and so is its gradient", async () => {
	const gpu = await device();
	const x = gpu.parameter([1e-13, 0], [1, 2]);
	const y = gpu.scope(() => {
		const y = normalize(x);
		backward(sum(y));
		return y;
	});
	assertClose(await y.data(), [0.1, 0], 1e-6, "value");
	assertClose(await x.grad.data(), [1e12, 1e12], 1e-6, "gradient");
	for (const tensor of [x, y]) tensor.dispose();
});

test("what does not fit is refused", async () => {
	const gpu = await device();
	gpu.scope(() => {
		assertThrows(() => normalize(gpu.tensor([1, 2], [2])), ShapeError, [[2]]);
		assertThrows(() => normalize(gpu.tensor([1, 2], [1, 2], "uint32") as never), DTypeError, ["uint32"]);
	});
});

test("a step leaves nothing behind", () =>
	checkStepMemory({ inputs: [randomArray(new Random(1), [5, 3])], run: ([x]) => normalize(x) }));

test.run();
