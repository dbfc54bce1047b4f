import {
	type AnyTensor,
	conv2d,
	convTranspose2d,
	type Gpu,
	matmul,
	nearestCode,
	Random,
	scale,
	type Tensor,
} from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { device } from "../support.js";

const test = suite("launches that are cut into several dispatches");

function random(gpu: Gpu, shape: readonly number[], seed: number): Tensor {
	const numbers = new Random(seed);
	return gpu.tensor(
		Float32Array.from({ length: shape.reduce((size, length) => size * length, 1) }, () => numbers.uniform(-1, 1)),
		shape,
	);
}

/** What `run` gives for the whole of x, and for its halves; the dispatches that the whole took. */
async function wholeAndHalves(shape: readonly number[], run: (x: Tensor) => AnyTensor) {
	const gpu = await device();
	const x = random(gpu, shape, 1);
	const data = await x.data();
	const before = gpu.counters().dispatches;
	const y = run(x);
	const dispatches = gpu.counters().dispatches - before;
	const whole = await y.data();
	const halves: ArrayLike<number>[] = [];
	for (const half of [0, 1]) {
		const part = gpu.tensor(data.slice((half * x.size) / 2, ((half + 1) * x.size) / 2), [
			shape[0] / 2,
			...shape.slice(1),
		]);
		const result = run(part);
		halves.push(await result.data());
		part.dispose();
		result.dispose();
	}
	x.dispose();
	y.dispose();
	return { whole: [...whole], halves: halves.flatMap((half) => [...Array.from(half)]), dispatches };
}

test("convolution, its transpose, matmul and nearest code agree with their halves", async () => {
	const gpu = await device();
	const weight = random(gpu, [64, 64, 3, 3], 2);
	const matrix = random(gpu, [512, 600], 3);
	const codebook = random(gpu, [512, 64], 4);
	const cases = [
		{ shape: [2, 64, 96, 96], run: (x: Tensor) => conv2d(x, weight, { padding: 1 }), small: 2 },
		{ shape: [2, 64, 96, 96], run: (x: Tensor) => convTranspose2d(x, weight, { padding: 1 }), small: 2 },
		{ shape: [1000, 512], run: (x: Tensor) => matmul(x, matrix), small: 1 },
		{ shape: [10_000, 64], run: (x: Tensor) => nearestCode(x, codebook), small: 2 },
	];
	for (const { shape, run, small } of cases) {
		const { whole, halves, dispatches } = await wholeAndHalves(shape, run);
		assert.equal(whole, halves, `${shape}`);
		if (gpu.adapter.software) assert.ok(dispatches > small, `${shape}: ${dispatches} dispatches`);
	}
	for (const tensor of [weight, matrix, codebook]) tensor.dispose();
});

test("a grid that is folded into rows has no workgroup too few", async () => {
	const gpu = await device();
	const size = 64 * (gpu.limits.maxComputeWorkgroupsPerDimension + 2);
	const x = gpu.tensor(new Float32Array(size).fill(2), [size]);
	const y = scale(x, 3);
	assert.ok((await y.data()).every((value) => value === 6));
	for (const tensor of [x, y]) tensor.dispose();
});

test.run();
