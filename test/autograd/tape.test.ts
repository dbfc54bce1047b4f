import {
	Adam,
	ArgumentError,
	add,
	backward,
	conv2d,
	crossEntropy,
	DisposedError,
	embedding,
	type Gpu,
	GradientError,
	matmul,
	mul,
	noGrad,
	relu,
	reshape,
	ShapeError,
	scale,
	stopGradient,
	straightThrough,
	sum,
	type Tensor,
} from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { record } from "../../src/autograd/tape.js";
import { assertThrows, device, variants } from "../support.js";

const test = suite("tape");

/** Runs `body` in a scope with a parameter [2, 3] and gives its gradient afterwards. */
async function gradientOf(body: (gpu: Gpu, w: ReturnType<Gpu["parameter"]>) => void): Promise<number[]> {
	const gpu = await device();
	const w = gpu.parameter([2, 3], [2]);
	gpu.scope(() => body(gpu, w));
	const gradient = [...(await w.grad.data())];
	w.dispose();
	return gradient;
}

test("a value used twice gets both gradients", async () => {
	// d/dw Σ (w·w + w) = 2w + 1
	assert.equal(await gradientOf((_, w) => backward(sum(add(mul(w, w), w)))), [5, 7]);
});

test("a diamond is walked once", async () => {
	// y = 2w, loss = Σ y·y → dy²/dw = 8w
	const gradient = await gradientOf((_, w) => {
		const y = scale(w, 2);
		backward(sum(mul(y, y)));
	});
	assert.equal(gradient, [16, 24]);
});

test("gradients add up over calls until zeroGrad", async () => {
	const gradient = await gradientOf((_, w) => {
		backward(sum(scale(w, 2)));
		backward(sum(scale(w, 3)));
	});
	assert.equal(gradient, [5, 5]);
	const after = await gradientOf((_, w) => {
		backward(sum(scale(w, 2)));
		w.zeroGrad();
		backward(sum(scale(w, 3)));
	});
	assert.equal(after, [3, 3]);
});

test("stopGradient and the straight-through estimator", async () => {
	assert.equal(await gradientOf((_, w) => backward(sum(mul(w, stopGradient(w))))), [2, 3]);
	// The value of the second argument, the gradient to the first.
	const gradient = await gradientOf((gpu, w) => {
		const y = straightThrough(w, gpu.tensor([10, 20], [2]));
		backward(sum(mul(y, y)));
	});
	assert.equal(gradient, [20, 40]);
});

test("an operation can take over the gradient that its input has so far", async () => {
	const taken: boolean[] = [];
	/** Σ w, whose gradient is added to the one that w has so far. */
	const sumOf = (w: Tensor) =>
		record("sumOf", sum(stopGradient(w)), [w], [], (gradient, take) => {
			const sofar = take(0);
			taken.push(sofar !== undefined);
			assert.is(take(0), undefined, "it is taken once");
			const ones = mul(gradient, w.gpu.tensor([1, 1]));
			const both = sofar === undefined ? ones : add(sofar, ones);
			sofar?.dispose();
			return [both];
		});
	// y = 2w: d/dw (Σ y + Σ y²) = 2 + 8w, whichever comes first in the backward pass.
	for (const lossOf of [(y: Tensor) => add(sumOf(y), sum(mul(y, y))), (y: Tensor) => add(sum(mul(y, y)), sumOf(y))])
		assert.equal(await gradientOf((_, w) => backward(lossOf(scale(w, 2)))), [18, 26]);
	assert.equal(taken, [true, false]);
});

test("nothing is recorded without need", async () => {
	const gpu = await device();
	gpu.scope(() => {
		const x = gpu.tensor([1, 2], [2]);
		const w = gpu.parameter([1, 2], [2]);
		assert.is(relu(x).requiresGrad, false);
		assert.is(relu(x).gradientNode, null);
		assert.is(noGrad(() => relu(w)).requiresGrad, false);
		assert.is(relu(w).requiresGrad, true);
		assert.is(stopGradient(w).requiresGrad, false);
		assertThrows(() => backward(sum(x)), GradientError, ["no parameter"]);
		assertThrows(() => backward(w), GradientError, ["[2]"]);
		assertThrows(() => w.grad, GradientError, ["[2]"]);
		w.dispose();
	});
});

test("backward frees what it makes except the parameters' gradients", async () => {
	const gpu = await device();
	const w = gpu.parameter([1, 2], [2]);
	const before = gpu.memory().buffers;
	gpu.scope(() => backward(sum(mul(relu(w), relu(scale(w, 3))))));
	assert.is(gpu.memory().buffers, before + 1);
	w.zeroGrad();
	assert.is(gpu.memory().buffers, before);
	w.dispose();
});

test("a gradient of the wrong shape is refused, and no parameter changes", async () => {
	const gpu = await device();
	const w = gpu.parameter([1, 2], [2]);
	gpu.scope(() => {
		const bad = record("bad", scale(stopGradient(w), 1), [w], [], () => [gpu.tensor([1, 2, 3], [3])]);
		assertThrows(() => backward(sum(bad)), GradientError, ["bad", "[3]", "[2]"]);
	});
	assert.is(w.hasGrad, false);
	w.dispose();
});

test("a tensor that backward reads and that was overwritten since the forward pass is refused, by whatever way", async () => {
	for (const gpu of await variants()) {
		const numbers = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i + 1));
		const w = gpu.parameter(numbers(6 * 9), [6, 1, 3, 3]);
		const x = gpu.tensor(numbers(4 * 25), [4, 1, 5, 5]);
		const table = gpu.parameter(numbers(8), [4, 2]);
		const targets = gpu.tensor(Uint32Array.of(0, 1), [2]);
		const adam = new Adam([w, table]);
		const train = () => {
			adam.zeroGrad();
			backward(sum(mul(table, table)));
			adam.step();
		};
		const step = gpu.capture(train);
		const images = () => relu(conv2d(x, w));
		const cases: [name: string, loss: () => Tensor, change: () => void, words: string[]][] = [
			["upload", () => sum(images()), () => gpu.upload(x, numbers(100)), ["conv2d", "Tensor float32", "[4,1,5,5]"]],
			["copy", () => sum(mul(w, w)), () => gpu.copy(gpu.clone(w), w), []],
			["optimizer", () => sum(mul(table, table)), train, ["mul", "Parameter"]],
			["replay", () => sum(mul(table, table)), () => step.replay(), ["mul"]],
			["feed", () => crossEntropy(embedding(targets, table), targets), () => gpu.feed(targets, () => [1, 0]), []],
			["a view", () => sum(mul(reshape(table, [8]), reshape(table, [8]))), () => gpu.upload(table, numbers(8)), []],
		];
		for (const [name, loss, change, words] of cases)
			gpu.scope(() => {
				const value = loss();
				change();
				const before = table.hasGrad;
				assertThrows(() => backward(value), GradientError, ["backward:", "overwritten", ...words]);
				assert.is(table.hasGrad, before, name);
				adam.zeroGrad();
			});
		for (const tensor of [w, x, table, targets]) tensor.dispose();
		step.dispose();
		adam.dispose();
	}
});

test("what backward does not read may be overwritten, and a trace overwrites nothing", async () => {
	const gpu = await device();
	const w = gpu.parameter([1, 2], [2]);
	const adam = new Adam([w]);
	gpu.scope(() => {
		const x = gpu.tensor([3, 4], [2]);
		const linear = sum(add(scale(w, 2), x));
		const square = sum(mul(w, w));
		const step = gpu.capture(() => {
			adam.zeroGrad();
			backward(sum(mul(w, w)));
			adam.step();
		});
		backward(square);
		gpu.upload(x, [5, 6]);
		adam.step();
		backward(linear);
		step.dispose();
	});
	assert.equal([...(await w.grad.data())], [2 + 2, 4 + 2]);
	w.dispose();
});

test("a factor that needs no gradient leaves the other one free to change", async () => {
	const gpu = await device();
	const w = gpu.parameter([1, 2, 3, 4], [2, 2]);
	gpu.scope(() => {
		const x = gpu.tensor([1, 10], [1, 2]);
		const losses = [matmul(x, w), matmul(x, w), mul(x, w), mul(w, x)].map((product) => sum(product));
		for (const loss of losses) {
			backward(loss);
			gpu.upload(w, [5, 6, 7, 8]);
		}
		const overwritten = sum(matmul(x, w));
		gpu.upload(x, [2, 3]);
		assertThrows(() => backward(overwritten), GradientError, ["matmul"]);
	});
	assert.equal([...(await w.grad.data())], [1 + 1 + 1 + 1, 1 + 1 + 10 + 10, 10 + 10 + 1 + 1, 10 + 10 + 10 + 10]);
	w.dispose();
});

test("the loss of a captured forward pass names what was disposed of", async () => {
	const gpu = await device();
	const w = gpu.parameter([1, 2], [2]);
	const step = gpu.capture(() => mul(sum(scale(w, 2)), sum(scale(w, 3))));
	const loss = step.replay();
	assertThrows(() => backward(loss), DisposedError, ["mul", "disposed of", "gpu.scope()"]);
	step.dispose();
	w.dispose();
});

test("a disposed tensor in the backward pass is an error, not a missing gradient", async () => {
	const gpu = await device();
	const w = gpu.parameter([1, 2], [2]);
	const lost = gpu.scope(() => sum(scale(w, 2)));
	assertThrows(() => backward(lost), DisposedError, ["[2]"]);
	gpu.scope(() => {
		const h = scale(w, 2);
		const y = add(h, w);
		h.dispose();
		assertThrows(() => backward(sum(y)), DisposedError, ["[2]"]);
	});
	assert.is(w.hasGrad, false);
	lost.dispose();
	w.dispose();
});

test("a plain tensor cannot ask for a gradient", async () => {
	const gpu = await device();
	gpu.scope(() => {
		const x = gpu.tensor([1], [1]);
		x.requiresGrad = true;
		assertThrows(() => backward(sum(x)), GradientError, ["gpu.parameter"]);
	});
});

test("each parameter's gradient has memory of its own", async () => {
	const gpu = await device();
	const [a, b, c] = [gpu.parameter([1], [1]), gpu.parameter([2], [1]), gpu.parameter([3], [1])];
	gpu.scope(() => backward(sum(add(a, b))));
	gpu.scope(() => backward(reshape(c, [])));
	gpu.upload(a.grad, [100]);
	gpu.upload(c.grad, [100]);
	assert.is(await b.grad.item(), 1);
	b.zeroGrad();
	gpu.scope(() => backward(sum(b)));
	assert.is(await b.grad.item(), 1, "the gradient that every backward starts from");
	for (const parameter of [a, b, c]) parameter.dispose();
});

test("noGrad inside noGrad leaves the outer one as it is, also if it throws", async () => {
	const gpu = await device();
	const w = gpu.parameter([1, 2], [2]);
	gpu.scope(() => {
		const recorded = noGrad(() => {
			noGrad(() => undefined);
			assertThrows(() => noGrad(() => w.share([3])), ShapeError);
			return relu(w).requiresGrad;
		});
		assert.is(recorded, false);
		assert.is(relu(w).requiresGrad, true);
	});
	w.dispose();
});

test("noGrad refuses an async body", () => {
	assertThrows(() => noGrad(async () => undefined), ArgumentError, ["async"]);
});

test("a long chain does not overflow the stack", async () => {
	const gradient = await gradientOf((_, w) => {
		let y = scale(w, 1);
		for (let i = 0; i < 3000; i++) y = scale(y, 1);
		backward(sum(y));
	});
	assert.equal(gradient, [1, 1]);
});

test.run();
