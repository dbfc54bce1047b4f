import { DisposedError, DTypeError, mseLoss, relu, ShapeError, scale } from "tessera-gpu";
import { suite } from "uvu";
import { Random } from "../../src/base/random.js";
import { mseLossPlus } from "../../src/ops/loss_sums.js";
import { array, map } from "../reference/array.js";
import * as elementwise from "../reference/elementwise.js";
import * as reference from "../reference/losses.js";
import { assertClose, assertThrows, checkOp, checkStepMemory, device, randomArray, tensorOf } from "../support.js";

const test = suite("mseLoss");

const cases: [shape: number[], scale?: number][] = [
	[[]],
	[[1]],
	[[7]],
	[[3, 5], 2.5],
	[[2, 3, 5, 7]],
	[[67, 71], 0.25],
	[[256]],
	[[1031], 1 / 0.0635],
	[[2, 1, 28, 28]],
	[[300, 301]],
];

for (const [i, [shape, scale]] of cases.entries()) {
	test(`[${shape}]${scale ? `, scaled by ${scale}` : ""}`, async () => {
		const random = new Random(500 + i);
		const inputs = [randomArray(random, shape), randomArray(random, shape)];
		await checkOp(`[${shape}]`, {
			inputs,
			run: ([a, b]) => (scale ? mseLoss(a, b, { scale }) : mseLoss(a, b)),
			expected: array([], [reference.mseLoss(inputs[0], inputs[1], scale)]),
			gradients: (dy) => {
				const { a, b } = reference.mseLossBackward(inputs[0], inputs[1], scale, dy.data[0]);
				return [a, b];
			},
		});
	});
}

test("equal inputs: no loss, no gradient", async () => {
	const x = randomArray(new Random(1), [130]);
	const nothing = array([130], new Float64Array(130));
	await checkOp("x and x", {
		inputs: [x, x],
		run: ([a, b]) => mseLoss(a, b),
		expected: array([], [0]),
		gradients: () => [nothing, nothing],
	});
});

test("against a target that takes no gradient, and through another op", async () => {
	const random = new Random(2);
	const [x, target] = [randomArray(random, [5, 9]), randomArray(random, [5, 9])];
	const y = elementwise.relu(x);
	await checkOp("relu(x)", {
		inputs: [x],
		run: ([x], gpu) => mseLoss(relu(x), tensorOf(gpu, target)),
		expected: array([], [reference.mseLoss(y, target)]),
		gradients: (dy) => [elementwise.reluBackward(x, reference.mseLossBackward(y, target, 1, dy.data[0]).a)],
	});
});

test("with another loss: the sum of both and its gradients, in the order of the backward pass and in the other one", async () => {
	const random = new Random(4);
	const [x, target] = [randomArray(random, [5, 2, 9, 3]), randomArray(random, [5, 2, 9, 3])];
	const square = reference.mseLoss(x, target, 2);
	const { a: gradient } = reference.mseLossBackward(x, target, 2);
	// The other loss is Σ (x − target)², directly of x or of a tensor that both losses share.
	const n = x.data.length;
	for (const shared of [false, true])
		await checkOp(`shared: ${shared}`, {
			inputs: [x],
			run: ([x], gpu) => {
				const y = shared ? scale(x, 1) : x;
				const other = scale(mseLoss(y, tensorOf(gpu, target)), n);
				return mseLossPlus(y, tensorOf(gpu, target), 2, other).total;
			},
			expected: array([], [square + (n / 2) * square]),
			gradients: (dy) => [map(gradient, (value) => (1 + n / 2) * value * dy.data[0])],
		});
	const gpu = await device();
	const [a, other] = [tensorOf(gpu, x), gpu.tensor(3, [])];
	const b = tensorOf(gpu, target);
	const { loss, total } = mseLossPlus(a, b, 2, other);
	assertClose([await loss.item(), await total.item()], [square, square + 3], 1e-5, "both");
	for (const tensor of [a, b, other, loss, total]) tensor.dispose();
});

test("a loss of more elements than one workgroup adds up", async () => {
	const gpu = await device();
	const data = Float32Array.from({ length: 2 ** 21 + 5 }, (_, i) => (i % 7) - 3);
	const [a, zero] = [gpu.tensor(data), gpu.tensor(new Float32Array(data.length))];
	const { loss, total } = mseLossPlus(a, zero, 1, gpu.constant(1));
	const expected = data.reduce((sum, value) => sum + value * value, 0) / data.length;
	assertClose([await loss.item(), await total.item()], [expected, expected + 1], 1e-6, "loss and total");
	for (const tensor of [a, zero, loss, total]) tensor.dispose();
});

test("item() reads it", async () => {
	const gpu = await device();
	const [a, b] = [gpu.tensor([1, 2, 3], [3]), gpu.tensor([1, 0, 0], [3])];
	const loss = mseLoss(a, b, { scale: 3 });
	assertClose([await loss.item()], [13], 1e-6, "loss");
	for (const tensor of [a, b, loss]) tensor.dispose();
});

test("leaves nothing behind", async () => {
	const random = new Random(3);
	await checkStepMemory({
		inputs: [randomArray(random, [40, 30]), randomArray(random, [40, 30])],
		run: ([a, b]) => mseLoss(a, b, { scale: 2 }),
	});
});

test("refuses what does not fit", async () => {
	const gpu = await device();
	const [a, b, integers] = [gpu.tensor([1, 2], [2]), gpu.tensor([1, 2, 3], [3]), gpu.tensor(Int32Array.of(1, 2), [2])];
	assertThrows(() => mseLoss(a, b), ShapeError, [[2], [3]]);
	// @ts-expect-error: the types refuse integers as well
	assertThrows(() => mseLoss(a, integers), DTypeError);
	b.dispose();
	const c = gpu.tensor([1, 2, 3], [3]);
	assertThrows(() => mseLoss(b, c), DisposedError);
	for (const tensor of [a, c, integers]) tensor.dispose();
});

test.run();
