import { add, conv2d, DTypeError, relu, ShapeError, type Tensor } from "tessera-gpu";
import { suite } from "uvu";
import { Random } from "../../src/base/random.js";
import { gatedActivation } from "../../src/ops/gated_activation.js";
import { type Array64, array, map, zeros } from "../reference/array.js";
import * as convolution from "../reference/convolution.js";
import * as reference from "../reference/gated_activation.js";
import { assertClose, assertThrows, checkOp, checkStepMemory, device, randomArray, tensorOf } from "../support.js";

const test = suite("gatedActivation");

const shapes = [
	[1, 2, 1, 1],
	[3, 10, 5, 7],
	[17, 6, 3, 4],
	[4, 34, 7, 7],
];

for (const [i, shape] of shapes.entries())
	for (const parts of [[], ["plus"], ["bias"], ["plus", "bias"]] as const)
		test(`[${shape}] ${parts.join(" and ")}`, async () => {
			const random = new Random(10 * i + parts.length);
			const x = randomArray(random, shape, -3, 3);
			const additions: Record<string, Array64> = {};
			for (const part of parts)
				additions[part] = randomArray(random, part === "plus" ? shape : shape.slice(0, 2), -2, 2);
			await checkOp(`[${shape}] ${parts.join(" and ")}`, {
				inputs: [x, ...Object.values(additions)],
				run: ([x, ...others]) =>
					gatedActivation(x as Tensor, Object.fromEntries(parts.map((part, i) => [part, others[i]]))),
				expected: reference.gatedActivation(x, additions),
				gradients: (dy) => {
					const gradients = reference.gatedActivationBackward(x, additions, dy);
					return [gradients.x, ...parts.map((part) => (part === "plus" ? gradients.x : gradients.bias))];
				},
			});
		});

for (const batch of [3, 19])
	test(`between convolutions, with a residual, batch ${batch}`, async () => {
		const random = new Random(batch);
		const x = randomArray(random, [batch, 3, 4, 5]);
		const weight = randomArray(random, [6, 3, 1, 1]);
		const bias = randomArray(random, [batch, 6]);
		const inner = convolution.conv2d(x, weight, undefined);
		const gated = reference.gatedActivation(inner, { bias });
		const sum = map(gated, (value, i) => Math.max(0, value + x.data[i]));
		await checkOp("x → conv → gate, + x", {
			inputs: [x, weight, bias],
			run: ([x, weight, bias]) => relu(add(gatedActivation(conv2d(x, weight), { bias }), x)),
			expected: sum,
			gradients: (dy) => {
				const masked = map(dy, (value, i) => (sum.data[i] > 0 ? value : 0));
				const gate = reference.gatedActivationBackward(inner, { bias }, masked);
				const back = convolution.conv2dBackward(x, weight, gate.x);
				const dx = map(back.x, (value, i) => value + masked.data[i]);
				return [dx, back.weight, gate.bias];
			},
		});
	});

test("numbers of any size give finite values and gradients", () => {
	const x = array([1, 2, 1, 6], [1e-6, 50, -50, 3e38, -3e38, 0, 0, 50, -200, 3e38, -3e38, 1]);
	const additions = { bias: zeros([1, 2]) };
	return checkOp("extremes", {
		inputs: [x],
		run: ([x]) => gatedActivation(x as Tensor),
		expected: reference.gatedActivation(x, additions),
		gradients: (dy) => [reference.gatedActivationBackward(x, additions, dy).x],
	});
});

for (const between of [false, true])
	test(`adds up the bias's gradient over many pixels${between ? ", behind a convolution" : ""}`, async () => {
		const random = new Random(4);
		const [x, bias] = [randomArray(random, [18, 6, 23, 31]), randomArray(random, [18, 6])];
		const same = array(
			[6, 6, 1, 1],
			Array.from({ length: 36 }, (_, i) => (i % 7 === 0 ? 1 : 0)),
		);
		await checkOp("[18, 6, 23, 31]", {
			inputs: [x, bias],
			run: ([x, bias], gpu) =>
				gatedActivation(between ? conv2d(x as Tensor, tensorOf(gpu, same)) : (x as Tensor), { bias }),
			expected: reference.gatedActivation(x, { bias }),
			gradients: (dy) => {
				const gradients = reference.gatedActivationBackward(x, { bias }, dy);
				return [gradients.x, gradients.bias];
			},
		});
	});

test("leaves nothing behind", () =>
	checkStepMemory({
		inputs: [randomArray(new Random(1), [16, 4, 3, 3]), randomArray(new Random(2), [16, 4])],
		run: ([x, bias]) => gatedActivation(x as Tensor, { plus: x, bias }),
	}));

test("computes the values without a gradient too", async () => {
	const gpu = await device();
	const x = randomArray(new Random(1), [2, 4, 3, 3]);
	const input = tensorOf(gpu, x);
	const y = gatedActivation(input);
	assertClose(await y.data(), reference.gatedActivation(x, {}).data, 1e-5, "value");
	for (const tensor of [input, y]) tensor.dispose();
});

test("refuses shapes that do not fit, and integers", async () => {
	const gpu = await device();
	gpu.scope(() => {
		const of = (...shape: number[]) => tensorOf(gpu, zeros(shape));
		assertThrows(() => gatedActivation(of(2, 3, 4, 4)), ShapeError, [[2, 3, 4, 4], "even"]);
		assertThrows(() => gatedActivation(of(2, 4)), ShapeError, [[2, 4]]);
		assertThrows(() => gatedActivation(of(2, 4, 1, 1), { plus: of(2, 2, 1, 1) }), ShapeError, [[2, 2, 1, 1]]);
		assertThrows(() => gatedActivation(of(2, 4, 1, 1), { bias: of(4) }), ShapeError, [[4], [2, 4]]);
		const integers = gpu.tensor(Int32Array.of(1, 2), [1, 2, 1, 1]);
		// @ts-expect-error: the types refuse integers as well
		assertThrows(() => gatedActivation(integers), DTypeError);
	});
});

test.run();
