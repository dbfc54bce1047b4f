import { ShapeError } from "tessera-gpu";
import { suite } from "uvu";
import { Random } from "../../../src/base/random.js";
import { rotationTrick } from "../../../src/ops/codes/rotation_trick.js";
import { array } from "../../reference/array.js";
import { rotated, rotatedBack } from "../../reference/quantizers.js";
import { fromVectors, vectorsOf } from "../../reference/vectors.js";
import { assertClose, assertThrows, checkOp, checkStepMemory, device, randomArray, tensorOf } from "../../support.js";

const test = suite("rotation trick");

for (const shape of [
	[1, 2],
	[7, 3],
	[131, 5],
	[3, 16, 7, 7],
	[2, 5, 1, 11],
])
	test(`[${shape}]: the value is the code, the gradient is turned back`, async () => {
		const random = new Random(shape[0] + shape[1]);
		const z = randomArray(random, shape);
		const q = randomArray(random, shape, -2, 2);
		const [latents, codes] = [vectorsOf(z), vectorsOf(q)];
		const turned = latents.flatMap((latent, n) => rotated(latent, codes[n]));
		assertClose(turned, codes.flat(), 1e-12, "the reference's rotation takes z to q");
		await checkOp(`[${shape}]`, {
			inputs: [z],
			run: ([z], gpu) => rotationTrick(z, tensorOf(gpu, q)),
			expected: q,
			gradients: (dy) => [
				fromVectors(
					shape,
					vectorsOf(dy).map((g, n) => rotatedBack(latents[n], codes[n], g)),
				),
			],
		});
	});

test("if there is no such rotation, the gradient is that of the straight-through estimator", () =>
	checkOp("zeros and opposites", {
		inputs: [array([4, 2], [0, 0, 1, 2, 3, -1, 1, 1])],
		run: ([z], gpu) => rotationTrick(z, gpu.tensor([1, 2, 0, 0, -6, 2, 2, 2], [4, 2])),
		expected: array([4, 2], [1, 2, 0, 0, -6, 2, 2, 2]),
		// The last: the same direction, twice the length.
		gradients: ({ data }) => [array([4, 2], [...data.slice(0, 6), 2 * data[6], 2 * data[7]])],
	}));

test("shapes that differ are refused", async () => {
	const gpu = await device();
	gpu.scope(() => {
		const z = gpu.tensor([1, 2, 3, 4], [2, 2]);
		assertThrows(() => rotationTrick(z, gpu.tensor([1, 2], [1, 2])), ShapeError, [
			[2, 2],
			[1, 2],
		]);
		assertThrows(() => rotationTrick(gpu.tensor([1], [1]), gpu.tensor([1], [1])), ShapeError, [[1]]);
	});
});

test("a step leaves nothing behind", () =>
	checkStepMemory({
		inputs: [randomArray(new Random(1), [5, 3])],
		run: ([z], gpu) => rotationTrick(z, tensorOf(gpu, randomArray(new Random(2), [5, 3]))),
	}));

test.run();
