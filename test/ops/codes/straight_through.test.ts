import { add, backward, GradientError, mul, noGrad, ShapeError, stopGradient, straightThrough, sum } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../../src/base/random.js";
import { array } from "../../reference/array.js";
import {
	assertSame,
	assertThrows,
	checkOp,
	checkStepMemory,
	device,
	parameterOf,
	randomArray,
	tensorOf,
} from "../../support.js";

const test = suite("straightThrough, stopGradient and noGrad");

for (const shape of [[], [7], [67, 71], [2, 3, 5, 7]]) {
	test(`straightThrough has the value of q and gives its gradient to z, [${shape}]`, async () => {
		const random = new Random(1500);
		const [z, q] = [randomArray(random, shape), randomArray(random, shape)];
		await checkOp("straightThrough", {
			inputs: [z],
			run: ([z], gpu) => straightThrough(z, tensorOf(gpu, q)),
			expected: q,
			gradients: (dy) => [dy],
		});
	});
}

test("straightThrough gives q no gradient, and its bits unchanged", async () => {
	const gpu = await device();
	const random = new Random(1);
	const [z, q] = [
		parameterOf(gpu, randomArray(random, [5, 4], 1e6, 2e6)),
		parameterOf(gpu, randomArray(random, [5, 4])),
	];
	const y = straightThrough(z, q);
	gpu.scope(() => backward(sum(y)));
	assertSame(await y.data(), await q.data(), "value");
	assertSame(await z.grad.data(), new Float32Array(20).fill(1), "gradient of z");
	assertThrows(() => q.grad, GradientError);
	for (const tensor of [y, z, q]) tensor.dispose();
});

test("straightThrough refuses different shapes", async () => {
	const gpu = await device();
	const [z, q] = [gpu.tensor([1, 2], [2]), gpu.tensor([1, 2, 3], [3])];
	assertThrows(() => straightThrough(z, q), ShapeError, [[2], [3]]);
	for (const tensor of [z, q]) tensor.dispose();
});

test("stopGradient lets the value through and the gradient not", async () => {
	const x = randomArray(new Random(2), [6, 5]);
	// y = x · stop(x): half the gradient of x².
	await checkOp("x · stopGradient(x)", {
		inputs: [x],
		run: ([x]) => mul(x, stopGradient(x)),
		expected: array(
			x.shape,
			x.data.map((value) => value * value),
		),
		gradients: (dy) => [
			array(
				x.shape,
				dy.data.map((value, i) => value * x.data[i]),
			),
		],
	});
});

test("noGrad records nothing", async () => {
	const gpu = await device();
	const x = parameterOf(gpu, randomArray(new Random(3), [4]));
	const y = noGrad(() => add(x, x));
	assert.is(y.requiresGrad, false);
	const total = sum(y);
	assertThrows(() => backward(total), GradientError);
	for (const tensor of [x, y, total]) tensor.dispose();
});

test("leaves nothing behind", () => {
	const random = new Random(4);
	const inputs = [randomArray(random, [6, 9]), randomArray(random, [6, 9])];
	return checkStepMemory({ inputs, run: ([z, q]) => add(straightThrough(z, q), stopGradient(q)) });
});

test.run();
