import { ArgumentError, conv2d, DTypeError, noGrad, ShapeError, type Tensor } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { dropout } from "../../src/ops/dropout.js";
import { map, zeros } from "../reference/array.js";
import * as convolution from "../reference/convolution.js";
import * as reference from "../reference/dropout.js";
import { pcg3d } from "../reference/pcg3d.js";
import { assertThrows, checkOp, checkStepMemory, device, randomArray, tensorOf, variants } from "../support.js";

const test = suite("dropout");

const cases = [
	{ shape: [1], p: 0.5, seed: 0, step: 0, first: 0 },
	{ shape: [], p: 0.5, seed: 3, step: 1, first: 7 },
	{ shape: [1009], p: 0.1, seed: 1, step: 2, first: 5 },
	{ shape: [2, 3, 5, 7, 11], p: 0.9, seed: 2 ** 32 - 1, step: 1000, first: 2 ** 20 },
	{ shape: [13, 67], p: 0.5, seed: 0, step: 1, first: 2 ** 32 - 100 },
	{ shape: [3, 5], p: 0, seed: 0, step: 1, first: 0 },
	{ shape: [3, 7, 5, 5], p: 0.3, seed: 2 ** 31, step: 2 ** 32 - 1, first: 3 },
];

for (const { shape, ...dropping } of cases)
	test(`[${shape}] ${JSON.stringify(dropping)}`, async () => {
		const x = randomArray(new Random(1), shape);
		const { p, seed, step, first } = dropping;
		await checkOp(`[${shape}]`, {
			inputs: [x],
			run: ([x], gpu) => dropout(x as Tensor, { p, random: gpu.tensor(Uint32Array.of(seed, step), [2]) }, first),
			expected: reference.dropout(x, dropping),
			gradients: (dy) => [reference.dropout(dy, dropping)],
		});
	});

test("the number at the threshold stays, those below it are dropped", async () => {
	const [seed, step] = [5, 7];
	const number = pcg3d([seed, step, 0]) >>> 8;
	assert.ok(number > 2 ** 22 && number < 3 * 2 ** 22, "a probability in the middle");
	for (const gpu of await variants())
		for (const [part, stays] of [
			[number, true],
			[number + 0.5, false],
			[number + 1, false],
			[number - 0.5, true],
		] as const)
			for (const blocked of [false, true]) {
				const y = gpu.scope(() => {
					const x = gpu.tensor(new Float32Array(16).fill(1), [16, 1, 1, 1]);
					const laidOut = blocked ? conv2d(x, gpu.tensor([1], [1, 1, 1, 1])) : x;
					return dropout(laidOut, { p: part / 2 ** 24, random: gpu.tensor(Uint32Array.of(seed, step)) });
				});
				assert.is((await y.data())[0] !== 0, stays, `${part} / 2²⁴, ${blocked ? "in blocks" : "row by row"}`);
				y.dispose();
			}
});

for (const [batch, channels, ...grid] of [
	[3, 5, 4, 5],
	[19, 3, 7, 7],
	[33, 17, 1, 1],
] as const)
	test(`between convolutions, batch ${batch}`, async () => {
		const random = new Random(batch);
		const dropping = { p: 0.4, seed: 4, step: 9, first: 11 };
		const x = randomArray(random, [batch, 3, ...grid]);
		const before = randomArray(random, [channels, 3, 1, 1]);
		const after = randomArray(random, [2, channels, 1, 1]);
		const inner = convolution.conv2d(x, before, undefined);
		const dropped = reference.dropout(inner, dropping);
		await checkOp("conv → dropout → conv", {
			inputs: [x, before, after],
			run: ([x, before, after], gpu) => {
				const random = gpu.tensor(Uint32Array.of(4, 9), [2]);
				return conv2d(dropout(conv2d(x as Tensor, before as Tensor), { p: 0.4, random }, 11), after as Tensor);
			},
			expected: convolution.conv2d(dropped, after, undefined),
			gradients: (dy) => {
				const outer = convolution.conv2dBackward(dropped, after, dy);
				const back = convolution.conv2dBackward(x, before, reference.dropout(outer.x, dropping));
				return [back.x, back.weight, outer.weight];
			},
		});
	});

for (const after of [false, true])
	test(`drops the same in blocks as row by row, ${after ? "after" : "before"} a convolution`, async () => {
		const random = new Random(5);
		const dropping = { p: 0.4, seed: 1, step: 2, first: 0 };
		const x = randomArray(random, [19, 3, 5, 7]);
		const weight = randomArray(random, [4, 3, 1, 1]);
		const convolved = convolution.conv2d(after ? x : reference.dropout(x, dropping), weight, undefined);
		await checkOp("one convolution", {
			inputs: [x, weight],
			run: ([x, weight], gpu) => {
				const options = { p: 0.4, random: gpu.tensor(Uint32Array.of(1, 2), [2]) };
				if (after) return dropout(conv2d(x as Tensor, weight as Tensor), options);
				return conv2d(dropout(x as Tensor, options), weight as Tensor);
			},
			expected: after ? reference.dropout(convolved, dropping) : convolved,
			gradients: (dy) => {
				if (after) {
					const back = convolution.conv2dBackward(x, weight, reference.dropout(dy, dropping));
					return [back.x, back.weight];
				}
				const back = convolution.conv2dBackward(reference.dropout(x, dropping), weight, dy);
				return [reference.dropout(back.x, dropping), back.weight];
			},
		});
	});

test("drops the share it should, each element, step, seed and tensor by itself", async () => {
	const [size, p] = [40000, 0.3];
	for (const gpu of await variants()) {
		const maskOf = async (seed: number, step: number, first: number) => {
			const y = gpu.scope(() =>
				dropout(
					tensorOf(
						gpu,
						map(zeros([size]), () => 1),
					),
					{ p, random: gpu.tensor(Uint32Array.of(seed, step), [2]) },
					first,
				),
			);
			const values = await y.data();
			y.dispose();
			return Array.from(values, (value) => (value === 0 ? 1 : 0));
		};
		const mask = await maskOf(1, 1, 0);
		const others = [await maskOf(2, 1, 0), await maskOf(1, 2, 0), await maskOf(1, 1, size)];
		const shifted = [1, 2, 49, 64].map((by) => [...mask.slice(by), ...mask.slice(0, by)]);
		const near = (count: number, share: number, what: string) => {
			const deviation = Math.sqrt(size * share * (1 - share));
			assert.ok(Math.abs(count - size * share) < 5 * deviation, `${what}: ${count} of ${size}, not ${share}`);
		};
		for (const [i, other] of [mask, ...others].entries())
			near(
				other.reduce<number>((sum, dropped) => sum + dropped, 0),
				p,
				`mask ${i}`,
			);
		for (const [i, other] of [...others, ...shifted].entries())
			near(
				mask.reduce<number>((sum, dropped, at) => sum + dropped * (other[at] as number), 0),
				p * p,
				`both in mask 0 and in ${i}`,
			);
	}
});

test("leaves nothing behind", () =>
	checkStepMemory({
		inputs: [randomArray(new Random(1), [16, 4, 3, 3]), randomArray(new Random(2), [2, 4, 1, 1])],
		run: ([x, weight]) => {
			const random = (x as Tensor).gpu.tensor(Uint32Array.of(1, 1), [2]);
			return dropout(conv2d(x as Tensor, weight as Tensor), { p: 0.5, random });
		},
	}));

test("refuses probabilities out of range, other random numbers, and integers", async () => {
	const gpu = await device();
	gpu.scope(() =>
		noGrad(() => {
			const x = tensorOf(gpu, zeros([2, 3]));
			const random = gpu.tensor(Uint32Array.of(1, 2), [2]);
			for (const p of [-0.1, 1, Number.NaN]) assertThrows(() => dropout(x, { p, random }), ArgumentError, [`${p}`]);
			const three = gpu.tensor(Uint32Array.of(1, 2, 3), [3]);
			assertThrows(() => dropout(x, { p: 0.5, random: three }), ShapeError, [[2], [3]]);
			// @ts-expect-error: the types refuse other numbers as well
			assertThrows(() => dropout(x, { p: 0.5, random: x }), DTypeError, ["random"]);
			// @ts-expect-error: the types refuse integers as well
			assertThrows(() => dropout(random, { p: 0.5, random }), DTypeError, ["x is"]);
		}),
	);
});

test.run();
