import {
	Adam,
	ArgumentError,
	add,
	backward,
	conv2d,
	convTranspose2d,
	DisposedError,
	type Gpu,
	GradientError,
	matmul,
	mean,
	mul,
	openDevice,
	type Parameter,
	reshape,
	scale,
	sum,
	type Tensor,
} from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../src/base/random.js";
import { type AdamOptions, Adam as Reference } from "../reference/adam.js";
import { array } from "../reference/array.js";
import {
	assertClose,
	assertSame,
	assertThrows,
	checkMemory,
	device,
	deviceWith,
	parameterOf,
	randomArray,
	tensorOf,
	variants,
} from "../support.js";

const test = suite("Adam");
const shapes = [[], [1], [7], [67, 71], [3, 2, 4, 4]];

const cases: AdamOptions[] = [
	{},
	{ lr: 0.05 },
	{ lr: 0.01, betas: [0.5, 0.9], eps: 1e-4 },
	{ lr: 0.1, betas: [0, 0.99] },
];

for (const options of cases) {
	test(`follows PyTorch's formula ${JSON.stringify(options)}`, async () => {
		const gpu = await device();
		const before = gpu.memory().buffers;
		const random = new Random(1600);
		// Far from zero, so that the last digit of float32 is small compared with each parameter.
		const starts = shapes.map((shape) => randomArray(random, shape, 2, 3));
		const parameters = starts.map((start) => parameterOf(gpu, start));
		const references = starts.map((start) => new Reference(start, options));
		const adam = new Adam(parameters, options);
		for (let step = 0; step < 7; step++) {
			const gradients = shapes.map((shape) => randomArray(random, shape));
			// The gradient of sum(p · g) by p is g.
			gpu.scope(() => {
				adam.zeroGrad();
				parameters.forEach((parameter, i) => {
					backward(sum(mul(parameter, tensorOf(gpu, gradients[i]))));
				});
				adam.step();
			});
			for (const [i, parameter] of parameters.entries()) {
				references[i].step(gradients[i]);
				assertClose(await parameter.data(), starts[i].data, 1e-5, `step ${step}, [${shapes[i]}]`);
			}
		}
		adam.dispose();
		for (const parameter of parameters) parameter.dispose();
		if (gpu.memory().buffers > before) throw new Error("buffers stay behind");
	});
}

test("a parameter whose gradient comes late counts its own steps", async () => {
	const gpu = await device();
	const [a, b] = [array([2], [1, 2]), array([2], [3, 4])];
	const parameters = [parameterOf(gpu, a), parameterOf(gpu, b)] as const;
	const [first, second] = [new Reference(a, {}), new Reference(b, {})];
	const adam = new Adam(parameters, {});
	for (let step = 0; step < 4; step++)
		gpu.scope(() => {
			adam.zeroGrad();
			const gradient = array([2], [step + 1, -0.5]);
			backward(sum(mul(parameters[0], tensorOf(gpu, gradient))));
			first.step(gradient);
			if (step % 2 === 1) {
				backward(sum(mul(parameters[1], tensorOf(gpu, gradient))));
				second.step(gradient);
			}
			adam.step();
		});
	assertClose(await parameters[0].data(), a.data, 1e-6, "moved in each step");
	assertClose(await parameters[1].data(), b.data, 1e-6, "moved in every other step");
	adam.dispose();
	for (const parameter of parameters) parameter.dispose();
});

test("a parameter that is one step behind a later one is updated once", async () => {
	const gpu = await device();
	const starts = [array([1], [1]), array([1], [2]), array([1], [3])];
	const parameters = starts.map((start) => parameterOf(gpu, start));
	const adam = new Adam(parameters, { lr: 0.1 });
	const references = starts.map((start) => new Reference(start, { lr: 0.1 }));
	// The third has a gradient in each step, the second from the second step on, the first from the third.
	for (let step = 0; step < 4; step++) {
		adam.zeroGrad();
		for (let i = Math.max(0, 2 - step); i < 3; i++) {
			parameters[i].setGrad(gpu.tensor([1]));
			references[i].step(array([1], [1]));
		}
		adam.step();
	}
	for (const [i, parameter] of parameters.entries())
		assertClose(await parameter.data(), starts[i].data, 1e-5, `parameter ${i}`);
	adam.dispose();
	for (const parameter of parameters) parameter.dispose();
});

test("parameters whose moments do not fit into one binding together", async () => {
	const gpu = await openDevice({ announce: false });
	// 8 elements: 5 and 2 fit together, 11 has its moments in two tensors.
	Object.defineProperty(gpu, "bindableBytes", { value: 64 });
	const shapes = [[5], [2], [7], [11], [3]];
	const starts = shapes.map((shape, i) => randomArray(new Random(i), shape, 2, 3));
	const parameters = starts.map((start) => parameterOf(gpu, start));
	const adam = new Adam(parameters, { lr: 0.1 });
	const references = starts.map((start) => new Reference(start, { lr: 0.1 }));
	for (let step = 0; step < 3; step++) {
		for (const [i, parameter] of parameters.entries()) {
			const gradient = randomArray(new Random(10 + step), shapes[i]);
			parameter.zeroGrad();
			parameter.setGrad(tensorOf(gpu, gradient));
			references[i].step(gradient);
		}
		adam.step();
	}
	for (const [i, parameter] of parameters.entries())
		assertClose(await parameter.data(), starts[i].data, 1e-5, `[${shapes[i]}]`);
	gpu.dispose();
});

test("a gradient that is the parameter itself is refused", async () => {
	const gpu = await device();
	const parameter = gpu.parameter([1, 2]);
	const adam = new Adam([parameter]);
	parameter.setGrad(parameter.share());
	assertThrows(() => adam.step(), ArgumentError, ["gpu.clone()", [2]]);
	adam.dispose();
	parameter.dispose();
});

test("gradients add up until zeroGrad", async () => {
	const gpu = await device();
	const start = array([3], [1, 2, 3]);
	const parameter = parameterOf(gpu, start);
	const adam = new Adam([parameter], { lr: 0.1, eps: 1 });
	const reference = new Reference(start, { lr: 0.1, eps: 1 });
	gpu.scope(() => {
		for (let i = 0; i < 2; i++) backward(sum(mul(parameter, gpu.tensor([1, -2, 0.5], [3]))));
	});
	assertClose(await parameter.grad.data(), [2, -4, 1], 1e-6, "gradient of two backwards");
	adam.step();
	reference.step(array([3], [2, -4, 1]));
	assertClose(await parameter.data(), start.data, 1e-5, "parameter");
	adam.zeroGrad();
	assertThrows(() => parameter.grad, GradientError);
	adam.dispose();
	parameter.dispose();
});

test("parameters that got no gradient stay as they are", async () => {
	const gpu = await device();
	const [used, unused] = [gpu.parameter([1], [1]), gpu.parameter([2], [1])];
	const adam = new Adam([used, unused], { lr: 0.5 });
	gpu.scope(() => backward(sum(used)));
	adam.step();
	assertClose(await used.data(), [0.5], 1e-5, "used");
	assertClose(await unused.data(), [2], 0, "unused");
	adam.dispose();
	for (const parameter of [used, unused]) parameter.dispose();
});

test("a gradient that is the memory of another parameter is read before that is updated", async () => {
	const gpu = await device();
	const starts = [array([3], [1, 2, 3]), array([3], [-4, 5, 6])] as const;
	const [a, b] = [parameterOf(gpu, starts[0]), parameterOf(gpu, starts[1])];
	const adam = new Adam([a, b], { lr: 0.1, eps: 1 });
	a.setGrad(b.share());
	b.setGrad(gpu.tensor([1, 1, 1]));
	adam.step();
	const reference = new Reference(starts[0], { lr: 0.1, eps: 1 });
	reference.step(array([3], [-4, 5, 6]));
	assertClose(await a.data(), starts[0].data, 1e-5, "moved by the other one's elements");
	adam.dispose();
	for (const parameter of [a, b]) parameter.dispose();
});

test("a parameter that was disposed of and has no gradient does not stop the others", async () => {
	const gpu = await device();
	const parameters = [gpu.parameter([1]), gpu.parameter([2]), gpu.parameter([3]), gpu.parameter([4])] as const;
	const adam = new Adam(parameters, { lr: 0.5 });
	parameters[1].dispose();
	gpu.scope(() => backward(sum(add(parameters[0], parameters[3]))));
	adam.step();
	assertClose(await parameters[0].data(), [0.5], 1e-5, "in the same launch");
	assertClose(await parameters[3].data(), [3.5], 1e-5, "in another launch");
	adam.dispose();
	for (const parameter of parameters) parameter.dispose();
});

/**
 * Two convolutions, one of them transposed and one used twice, and a product; their parameters are in one
 * order.
 */
function network(gpu: Gpu, size: number) {
	const random = new Random(77);
	const shapes = [[9, 2, 3, 3], [9], [9, 5, 2, 2], [5], [9, 9, 1, 1], [5 * size, 4]];
	const parameters = shapes.map((shape) => parameterOf(gpu, randomArray(random, shape)));
	const [w1, b1, w2, b2, w3, w4] = parameters as [Parameter, Parameter, Parameter, Parameter, Parameter, Parameter];
	const x = tensorOf(gpu, randomArray(random, [5, 2, size, size]));
	const forward = () => {
		const once = conv2d(x, w1, { bias: b1, stride: 2, padding: 1, activation: "relu" });
		const twice = conv2d(conv2d(once, w3), w3);
		const y = convTranspose2d(twice, w2, { bias: b2, stride: 2 });
		return mean(matmul(reshape(y, [5 * size, 5 * size]), w4));
	};
	return { parameters, forward, x };
}

/** What is done between backward and the step, besides. */
const steps: Record<string, (adam: Adam, parameters: readonly Parameter[], loss: () => Tensor) => void> = {
	"one backward pass": () => undefined,
	"a second backward pass, whose gradients are added": (_, __, loss) => backward(loss()),
	"a gradient that was replaced by half of it": (_, [first]) => first?.setGrad(scale(first.grad, 0.5)),
	"a parameter whose gradient was freed": (_, [, second]) => second?.zeroGrad(),
	"gradients that were freed before": (_, parameters, loss) => {
		for (const parameter of parameters) parameter.zeroGrad();
		backward(loss());
	},
	"gradients of another step": (_, parameters) => {
		for (const parameter of parameters) parameter.setGrad(scale(parameter.grad, 2));
	},
};

for (const [title, between] of Object.entries(steps))
	test(`captured steps give the bits of eager ones: ${title}`, async () => {
		// From 38 pixels on the tiled weight gradients are split.
		const isFirst = title === Object.keys(steps)[0];
		for (const gpu of await variants({ tiled: isFirst })) {
			const before = gpu.memory().buffers;
			const results: Float32Array[][] = [];
			for (const captures of [false, true]) {
				const { parameters, forward, x } = network(gpu, isFirst ? 38 : 10);
				const adam = new Adam(parameters, { lr: 0.05 });
				const step = () => {
					adam.zeroGrad();
					const loss = forward();
					backward(loss);
					between(adam, parameters, forward);
					adam.step();
				};
				const captured = captures ? gpu.capture(step) : undefined;
				for (let i = 0; i < 3; i++) captured === undefined ? gpu.scope(step) : captured.replay();
				const trained = parameters.filter(({ hasGrad }) => hasGrad).map(({ grad }) => grad);
				results.push((await gpu.readAll([...parameters, ...trained])) as Float32Array[]);
				captured?.dispose();
				adam.dispose();
				for (const tensor of [...parameters, x]) tensor.dispose();
			}
			const [eager = [], captured = []] = results;
			assert.is(captured.length, eager.length);
			for (const [i, values] of eager.entries()) assertSame(captured[i], values, `${gpu.variants[0]}: tensor ${i}`);
			assert.is(gpu.memory().buffers, before, "buffers");
		}
	});

test("a captured step has one launch of Adam, and one that packs the weights or adds the sums of all layers", async () => {
	for (const variant of ["tiled", "portable"] as const) {
		const gpu = await deviceWith(variant);
		const { parameters, forward, x } = network(gpu, 38);
		const adam = new Adam(parameters);
		const captured = gpu.capture(() => {
			adam.zeroGrad();
			backward(forward());
			adam.step();
		});
		const launches: string[] = [];
		gpu.onLaunch = ({ kernel }) => launches.push(kernel.name);
		captured.replay();
		gpu.onLaunch = undefined;
		const countOf = (name: string) => launches.filter((launch) => launch === name).length;
		assert.is(countOf("adam.wgsl"), 1);
		// The weight that is used twice has two sums of its own, whose results are added.
		if (variant === "tiled") assert.is(countOf("sum_splits.wgsl"), 3);
		else assert.is(countOf("pack_weights.wgsl"), 1);
		captured.dispose();
		adam.dispose();
		for (const tensor of [...parameters, x]) tensor.dispose();
	}
});

test("two optimizers, a frozen parameter, a view of a parameter: each is updated as on its own", async () => {
	const gpu = await device();
	const starts = [[1, 2], [3], [4, 5, 6]];
	const parameters = starts.map((start) => gpu.parameter(start)) as [Parameter, Parameter, Parameter];
	parameters[1].requiresGrad = false;
	const view = parameters[2].share();
	const adams = [new Adam(parameters, { lr: 0.5 }), new Adam([parameters[2], parameters[0]], { lr: 0.25 })];
	const captured = gpu.capture(() => {
		for (const parameter of parameters) parameter.zeroGrad();
		backward(add(sum(parameters[0]), sum(parameters[2])));
		for (const adam of adams) adam.step();
	});
	captured.replay();
	// The first step of Adam is lr in the direction of the gradient.
	assertClose(await parameters[0].data(), [0.25, 1.25], 1e-5, "in both optimizers");
	assertClose(await parameters[1].data(), [3], 0, "frozen");
	assertClose(await view.data(), [3.25, 4.25, 5.25], 1e-5, "seen through the view");
	captured.dispose();
	for (const adam of adams) adam.dispose();
	for (const tensor of [...parameters, view]) tensor.dispose();
});

test("a captured step whose optimizer was disposed of says so", async () => {
	const gpu = await device();
	const parameter = gpu.parameter([1, 2]);
	const adam = new Adam([parameter]);
	const captured = gpu.capture(() => {
		adam.zeroGrad();
		backward(sum(mul(parameter, parameter)));
		adam.step();
	});
	captured.replay();
	adam.dispose();
	assertThrows(() => captured.replay(), DisposedError, ["an Adam that was disposed of"]);
	captured.dispose();
	parameter.dispose();
});

test("steps leave nothing behind", async () => {
	const gpu = await device();
	const parameter = parameterOf(gpu, randomArray(new Random(1), [50, 7]));
	const adam = new Adam([parameter]);
	await checkMemory(() => {
		adam.zeroGrad();
		backward(sum(mul(parameter, parameter)));
		adam.step();
	});
	adam.dispose();
	parameter.dispose();
});

test.run();
