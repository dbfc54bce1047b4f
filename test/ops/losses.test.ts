import {
	ArgumentError,
	binaryCrossEntropyWithLogits,
	crossEntropy,
	l1Loss,
	logSoftmax,
	mseLoss,
	nllLoss,
	ShapeError,
	smoothL1Loss,
	type Tensor,
} from "tessera-gpu";
import { suite } from "uvu";
import { Random } from "../../src/base/random.js";
import { type Array64, array, map } from "../reference/array.js";
import {
	nllLossBackward,
	nllLoss as nllReference,
	type PairLossName,
	pairLoss,
	pairLossBackward,
} from "../reference/losses.js";
import { logSoftmaxBackward, logSoftmax as logSoftmaxReference } from "../reference/softmax.js";
import { assertThrows, checkOp, device, randomArray, randomIndices } from "../support.js";

const test = suite("losses");

const pairs: readonly [
	PairLossName,
	(a: Tensor, b: Tensor, reduction: "mean" | "sum" | "none") => Tensor,
	beta?: number,
][] = [
	["l1Loss", (a, b, reduction) => l1Loss(a, b, { reduction })],
	["smoothL1Loss", (a, b, reduction) => smoothL1Loss(a, b, { reduction })],
	["smoothL1Loss", (a, b, reduction) => smoothL1Loss(a, b, { reduction, beta: 0.25 }), 0.25],
	["binaryCrossEntropyWithLogits", (a, b, reduction) => binaryCrossEntropyWithLogits(a, b, { reduction })],
];

/** The gradient of each loss, from that of the reduced ones. */
function spread(dy: Array64, shape: number[], reduction: "mean" | "sum" | "none"): Array64 {
	if (reduction === "none") return dy;
	const count = shape.reduce((product, length) => product * length, 1);
	return map(array(shape, new Float64Array(count)), () => (dy.data[0] as number) / (reduction === "mean" ? count : 1));
}

function reduced(losses: Array64, reduction: "mean" | "sum" | "none"): Array64 {
	if (reduction === "none") return losses;
	const sum = losses.data.reduce((total, value) => total + value, 0);
	return array([], [reduction === "mean" ? sum / losses.data.length : sum]);
}

for (const [name, call, beta] of pairs)
	for (const [shape, reduction] of [
		[[3, 67], "mean"],
		[[5], "sum"],
		[[2, 3, 5], "none"],
	] as const)
		test(`${name} of [${shape}], ${reduction}, beta ${beta ?? 1}`, async () => {
			const random = new Random(1);
			const [a, b] = [randomArray(random, shape, -4, 4), randomArray(random, shape, 0, 1)];
			a.data[0] = 60;
			a.data[1] = -60;
			await checkOp(name, {
				inputs: [a, b],
				run: ([a, b]) => call(a, b, reduction),
				expected: reduced(pairLoss(name, a, b, beta), reduction),
				gradients: (dy) => {
					const gradients = pairLossBackward(name, a, b, spread(dy, [...shape], reduction), beta);
					return [gradients.a, gradients.b];
				},
			});
		});

test("mseLoss, summed and not reduced", async () => {
	const random = new Random(2);
	const [a, b] = [randomArray(random, [3, 7]), randomArray(random, [3, 7])];
	const squares = map(a, (value, i) => 2.5 * (value - b.data[i]) ** 2);
	for (const reduction of ["sum", "none"] as const)
		await checkOp(`mseLoss ${reduction}`, {
			inputs: [a, b],
			run: ([a, b]) => mseLoss(a, b, { reduction, scale: 2.5 }),
			expected: reduced(squares, reduction),
			gradients: (dy) => {
				const each = spread(dy, [3, 7], reduction);
				const gradient = map(each, (value, i) => 5 * value * (a.data[i] - b.data[i]));
				return [gradient, map(gradient, (value) => -value)];
			},
		});
});

for (const [shape, axis, reduction, smoothing, ignoreIndex] of [
	[[5, 7], 1, "mean", 0, undefined],
	[[5, 7], 1, "sum", 0.1, undefined],
	[[5, 7], -1, "mean", 0.3, 2],
	[[2, 11, 3, 5], 1, "none", 0, undefined],
	[[2, 11, 3, 5], 1, "none", 0.2, 0],
	[[67, 3], 0, "mean", 0, 66],
] as [number[], number, "mean" | "sum" | "none", number, number | undefined][])
	test(`nllLoss and crossEntropy of [${shape}], ${reduction}, smoothing ${smoothing}, ignoring ${ignoreIndex}`, async () => {
		const random = new Random(3);
		const x = randomArray(random, shape, -3, 3);
		const at = axis < 0 ? axis + shape.length : axis;
		const classes = shape[at] as number;
		const targetShape = shape.toSpliced(at, 1);
		const targets = [...randomIndices(random, x.data.length / classes, classes)];
		if (ignoreIndex !== undefined) targets[1] = ignoreIndex;
		const counted = targets.filter((target) => target !== ignoreIndex).length;
		const options = { axis: at, smoothing, ...(ignoreIndex !== undefined && { ignoreIndex }) };
		const total = (losses: Array64) => {
			if (reduction === "none") return losses;
			const sum = losses.data.reduce((all, value) => all + value, 0);
			return array([], [reduction === "mean" ? sum / counted : sum]);
		};
		const each = (dy: Array64) =>
			reduction === "none"
				? dy
				: array(targetShape, Array(targets.length).fill((dy.data[0] as number) / (reduction === "mean" ? counted : 1)));
		const normalised = logSoftmaxReference(x, at);
		await checkOp("crossEntropy", {
			inputs: [x],
			run: ([x], gpu) =>
				crossEntropy(x, gpu.tensor(Uint32Array.from(targets), targetShape), {
					axis,
					reduction,
					ignoreIndex,
					labelSmoothing: smoothing,
				}),
			expected: total(nllReference(normalised, targets, options)),
			gradients: (dy) => [logSoftmaxBackward(x, at, nllLossBackward(normalised, targets, each(dy), options))],
		});
		if (smoothing > 0) return;
		await checkOp("nllLoss", {
			inputs: [x],
			run: ([x], gpu) =>
				nllLoss(x, gpu.tensor(Int32Array.from(targets), targetShape), { axis, reduction, ignoreIndex }),
			expected: total(nllReference(x, targets, options)),
			gradients: (dy) => [nllLossBackward(x, targets, each(dy), options)],
		});
	});

test("a target that is no class has an infinite loss, −100 can be ignored, and what is refused", async () => {
	const x = randomArray(new Random(4), [3, 5]);
	const targets = Int32Array.of(2, -100, 7);
	const options = { ignoreIndex: -100 };
	await checkOp("nllLoss", {
		inputs: [x],
		run: ([x], gpu) => nllLoss(logSoftmax(x, 1), gpu.tensor(targets), { ...options, reduction: "none" }),
		expected: nllReference(logSoftmaxReference(x, 1), targets, options),
		gradients: (dy) => [logSoftmaxBackward(x, 1, nllLossBackward(logSoftmaxReference(x, 1), targets, dy, options))],
	});
	const gpu = await device();
	const [logits, labels] = [gpu.zeros([3, 5]), gpu.zeros([3], "uint32")];
	assertThrows(() => nllLoss(logits, labels, options), ArgumentError, ["ignoreIndex", "-100", "uint32"]);
	assertThrows(() => crossEntropy(logits, labels, { labelSmoothing: 1.5 }), ArgumentError, ["labelSmoothing"]);
	// @ts-expect-error: the types refuse another word as well
	assertThrows(() => l1Loss(logits, logits, { reduction: "batchmean" }), ArgumentError, ["reduction", "batchmean"]);
	assertThrows(() => l1Loss(logits, gpu.zeros([3, 1])), ShapeError, [
		[3, 5],
		[3, 1],
	]);
});

test.run();
