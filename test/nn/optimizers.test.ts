import {
	Adam,
	AdamW,
	ArgumentError,
	backward,
	Conv2d,
	clipGradNorm,
	conv2d,
	cosine,
	ExponentialMovingAverage,
	type Gpu,
	Linear,
	linearWarmup,
	loadSafetensors,
	Module,
	mseLoss,
	mul,
	oneCycle,
	openDevice,
	type Parameter,
	Random,
	RMSprop,
	type Schedule,
	SGD,
	StateDictError,
	saveSafetensors,
	sqrt,
	step,
	sum,
	type Tensor,
} from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import golden from "../golden/optimizers/optimizers.json" with { type: "json" };
import { array } from "../reference/array.js";
import * as reference from "../reference/optimizers.js";
import {
	assertClose,
	assertSame,
	assertThrows,
	device,
	parameterOf,
	randomArray,
	tensorOf,
	variants,
} from "../support.js";

const test = suite("optimizers");

const kinds = { SGD, Adam, AdamW, RMSprop };
type Kind = keyof typeof kinds;
type Options = Record<string, never>;

function make(
	name: Kind,
	parameters: readonly Parameter[],
	options: Record<string, unknown>,
): Adam | SGD | RMSprop | AdamW {
	return new kinds[name](parameters, options as Options);
}

for (const { optimizer: name, options, values } of golden.trajectories)
	test(`${name} ${JSON.stringify(options)} follows PyTorch`, async () => {
		const gpu = await device();
		const w = gpu.parameter(golden.start);
		const optimizer = make(name as Kind, [w], options);
		for (const [i, gradient] of golden.gradients.entries()) {
			w.setGrad(gpu.tensor(gradient));
			optimizer.step();
			assertClose(await w.data(), values[i] as number[], 2e-6, `after step ${i}`);
		}
		w.dispose();
		optimizer.dispose();
	});

test("the references follow PyTorch too", () => {
	for (const { optimizer: name, options, values } of golden.trajectories) {
		const kind = { SGD: reference.SGD, RMSprop: reference.RMSprop }[name];
		if (kind === undefined) continue;
		const own = new kind(array([7], golden.start), options);
		for (const [i, gradient] of golden.gradients.entries()) {
			own.step(array([7], gradient));
			assertClose(own.weight.data, values[i] as number[], 1e-8, `${name} ${i}`);
		}
	}
});

/** A small network's step: two parameters of different sizes, and one that has no gradient in the second half. */
function problem(gpu: Gpu): { parameters: Parameter[]; loss: () => Tensor; dispose: () => void } {
	const random = new Random(3);
	const [x, first, second, target] = [
		[2, 1, 5, 5],
		[3, 1, 3, 3],
		[3, 3, 1, 1],
		[2, 3, 3, 3],
	].map((shape) => randomArray(random, shape)) as [
		ReturnType<typeof array>,
		ReturnType<typeof array>,
		ReturnType<typeof array>,
		ReturnType<typeof array>,
	];
	const inputs = [tensorOf(gpu, x), tensorOf(gpu, target)] as const;
	const parameters = [first, second].map(({ data, shape }) => gpu.parameter(Float32Array.from(data), shape));
	const [a, b] = parameters as Tensor[] as [Tensor, Tensor];
	return {
		parameters,
		loss: () => mseLoss(conv2d(conv2d(inputs[0], a), b), inputs[1]),
		dispose: () => {
			for (const tensor of [...inputs, ...parameters]) tensor.dispose();
		},
	};
}

for (const [name, options] of [
	["SGD", { lr: 0.1, momentum: 0.9, weightDecay: 0.01 }],
	["Adam", { lr: 0.05, weightDecay: 0.1 }],
	["AdamW", { lr: 0.05 }],
	["RMSprop", { lr: 0.01, momentum: 0.5, centered: true }],
] as const)
	test(`${name}: captured equals eager, with clipped gradients and a schedule`, async () => {
		for (const gpu of await variants()) {
			const schedule = cosine({ lr: options.lr, steps: 5 });
			const results: Float32Array[][] = [];
			for (const captured of [false, true]) {
				const { parameters, loss, dispose } = problem(gpu);
				const optimizer = make(name, parameters, options);
				const body = () => {
					const value = loss();
					optimizer.zeroGrad();
					backward(value);
					clipGradNorm(parameters, 0.5);
					optimizer.step();
				};
				const step = captured ? gpu.capture(body) : undefined;
				for (let i = 0; i < 5; i++) {
					optimizer.lr = schedule(i);
					if (step) step.replay();
					else gpu.scope(body);
				}
				results.push(await Promise.all(parameters.map((parameter) => parameter.data())));
				step?.dispose();
				optimizer.dispose();
				dispose();
			}
			for (const [i, values] of (results[0] as Float32Array[]).entries())
				assertSame(results[1]?.[i] as Float32Array, values, `${name}, parameter ${i} (${gpu.variants[0]})`);
		}
	});

test("groups have options of their own, and one launch each in a captured step", async () => {
	const gpu = await device();
	const { parameters, loss, dispose } = problem(gpu);
	const [a, b] = parameters as [Parameter, Parameter];
	const start = await a.data();
	const optimizer = new SGD(
		[
			{ params: [a], lr: 0 },
			{ params: [b], momentum: 0.9 },
		],
		{ lr: 0.1 },
	);
	assert.equal(
		optimizer.groups.map(({ lr }) => lr),
		[0, 0.1],
	);
	const train = () => {
		const value = loss();
		optimizer.zeroGrad();
		backward(value);
		optimizer.step();
	};
	gpu.scope(train);
	assertSame(await a.data(), start, "a rate of 0");
	(optimizer.groups[0] as (typeof optimizer.groups)[number]).lr = 0.2;
	const launches: string[] = [];
	const captured = gpu.capture(train);
	gpu.onLaunch = ({ kernel }) => launches.push(kernel.name);
	captured.replay();
	gpu.onLaunch = undefined;
	assert.is(launches.filter((kernel) => kernel === "sgd.wgsl").length, 2);
	assert.not.equal([...(await a.data())], [...start]);
	assertThrows(() => new SGD([{ params: [a], momentun: 0.5 } as never]), ArgumentError, ["parameters[0]", "momentum"]);
	assertThrows(() => new SGD([a], { nesterov: true, momentum: 0 }), ArgumentError, ["nesterov"]);
	captured.dispose();
	optimizer.dispose();
	dispose();
});

for (const [name, options] of [
	["SGD", { lr: 0.1, momentum: 0.9 }],
	["AdamW", { lr: 0.05 }],
	["RMSprop", { lr: 0.01, momentum: 0.5, centered: true }],
] as const)
	test(`${name}: a state dict through a file goes on with the same bits`, async () => {
		const gpu = await device();
		const runs: Float32Array[][] = [];
		for (const interrupted of [false, true]) {
			const { parameters, loss, dispose } = problem(gpu);
			let optimizer = make(name, parameters, options);
			for (let i = 0; i < 4; i++) {
				if (interrupted && i === 2) {
					const bytes = await saveSafetensors(optimizer.stateDict());
					optimizer.dispose();
					optimizer = make(name, parameters, options);
					optimizer.loadStateDict(loadSafetensors(bytes));
				}
				if (interrupted && i === 3) {
					const other = make(name, parameters, options);
					gpu.scope(() => other.loadStateDict(optimizer.stateDict()));
					optimizer.dispose();
					optimizer = other;
				}
				gpu.scope(() => {
					optimizer.zeroGrad();
					backward(loss());
					optimizer.step();
				});
			}
			runs.push(await Promise.all(parameters.map((parameter) => parameter.data())));
			optimizer.dispose();
			dispose();
		}
		for (const [i, values] of (runs[0] as Float32Array[]).entries())
			assertSame(runs[1]?.[i] as Float32Array, values, `parameter ${i}`);
	});

test("a state dict that does not fit is refused and changes nothing", async () => {
	const gpu = await device();
	const w = gpu.parameter([1, 2]);
	const optimizer = new Adam([w]);
	const value = (shape: number[], data: number[]) => ({ shape, data });
	for (const [dict, words] of [
		[{ "state.0.step": value([], [1]) }, ["missing", "state.0.exp_avg"]],
		[{ "state.1.step": value([], [1]) }, ["unexpected", "state.1.step"]],
		[
			{
				"state.0.step": value([], [1]),
				"state.0.exp_avg": value([3], [1, 2, 3]),
				"state.0.exp_avg_sq": value([2], [1, 2]),
			},
			["state.0.exp_avg", [3], [2]],
		],
		[{ "state.0.step": 1 }, ["state.0.step", "1"]],
	] as const)
		assertThrows(() => optimizer.loadStateDict(dict as never), StateDictError, words);
	assert.equal(Object.keys(optimizer.stateDict()), []);
	optimizer.dispose();
	w.dispose();
});

test("values in a state dict that are no numbers of steps, or on another device, change nothing", async () => {
	const gpu = await device();
	const w = gpu.parameter([1, 2]);
	const optimizer = new SGD([w], { momentum: 0.9 });
	const buffer = { shape: [2], data: [1, 2] };
	const wholeSteps = ["a whole number of at least 0"];
	for (const steps of [-1, 0.5, Number.NaN, "1"])
		assertThrows(
			() =>
				optimizer.loadStateDict({
					"state.0.step": { shape: [], data: [steps as number] },
					"state.0.momentum_buffer": buffer,
				}),
			StateDictError,
			["state.0.step", ...(typeof steps === "number" ? wholeSteps : [])],
		);
	const other = await openDevice({ announce: false });
	const elsewhere = other.tensor([1, 2]);
	const dict = { "state.0.step": { shape: [], data: [1] } };
	for (const [value, words] of [
		[elsewhere, "is on another device"],
		[{ shape: [2], data: Int32Array.of(1, 2) }, "is int32 instead of float32"],
		[{ shape: [2], data: [1, "2"] }, "instead of a number at 1"],
	] as const)
		assertThrows(
			() => optimizer.loadStateDict({ ...dict, "state.0.momentum_buffer": value as never }),
			StateDictError,
			["state.0.momentum_buffer", words],
		);
	assert.equal(Object.keys(optimizer.stateDict()), []);
	optimizer.dispose();
	w.dispose();
	other.dispose();
});

test("options are checked together with those that they are combined with; a parameter is in one group", async () => {
	const gpu = await device();
	const [a, b] = [gpu.parameter([1]), gpu.parameter([2])];
	const before = gpu.memory().buffers;
	for (const make of [
		() => new SGD([a], { nesterov: true }),
		() => new SGD([{ params: [a], momentum: 0 }], { nesterov: true, momentum: 0.9 }),
		() => new SGD([{ params: [a], dampening: 0.5 }], { nesterov: true, momentum: 0.9 }),
	])
		assertThrows(make, ArgumentError, ["SGD", "nesterov"]);
	new SGD([{ params: [a], nesterov: true }], { momentum: 0.9 }).dispose();
	new SGD([{ params: [a], momentum: 0.9 }], { nesterov: true }).dispose();
	assertThrows(() => new Adam([{ params: [a] }, { params: [b, a], lr: 1 }]), ArgumentError, [
		"parameters[1].params[1]",
		"parameters[0]",
	]);
	assert.is(gpu.memory().buffers, before, "nothing is left");
	a.dispose();
	b.dispose();
});

test("parameters whose moments do not fit into one binding together: RMSprop", async () => {
	const gpu = await openDevice({ announce: false });
	Object.defineProperty(gpu, "bindableBytes", { value: 64 });
	for (const options of [
		{ lr: 0.01, momentum: 0.5 },
		{ lr: 0.01, centered: true },
		{ lr: 0.01, momentum: 0.5, centered: true },
	]) {
		const parameters = [[3], [11], [2]].map((shape, i) => {
			const start = randomArray(new Random(i), shape, 2, 3);
			return {
				parameter: gpu.parameter(Float32Array.from(start.data), shape),
				own: new reference.RMSprop(start, options),
			};
		});
		const optimizer = new RMSprop(
			parameters.map(({ parameter }) => parameter),
			options,
		);
		for (let step = 0; step < 3; step++) {
			for (const { parameter, own } of parameters) {
				const gradient = randomArray(new Random(10 + step), own.weight.shape);
				parameter.setGrad(tensorOf(gpu, gradient));
				own.step(gradient);
			}
			optimizer.step();
		}
		const state = optimizer.stateDict();
		for (const [i, { parameter, own }] of parameters.entries()) {
			assertClose(await parameter.data(), own.weight.data, 1e-5, `${JSON.stringify(options)}, parameter ${i}`);
			assert.is(state[`state.${i}.square_avg`]?.size, parameter.size);
		}
		optimizer.loadStateDict(state);
		for (const [name, value] of Object.entries(optimizer.stateDict()))
			assertSame(await value.data(), (await state[name]?.data()) as Float32Array, name);
		optimizer.dispose();
	}
	gpu.dispose();
});

const schedules: Record<keyof typeof golden.schedules, Schedule> = {
	cosine: cosine({ lr: 0.4, steps: 10, min: 0.1 }),
	step: step({ lr: 0.4, every: 3, gamma: 0.5 }),
	linearWarmup: linearWarmup({ lr: 0.4, steps: 4, start: 0.25 }),
	oneCycle: oneCycle({ lr: 0.4, steps: 10 }),
	oneCycleLinear: oneCycle({ lr: 0.4, steps: 12, warmup: 0.5, anneal: "linear", divFactor: 10, finalDivFactor: 100 }),
};

for (const [name, schedule] of Object.entries(schedules))
	test(`the schedule ${name} is PyTorch's`, () => {
		const expected = golden.schedules[name as keyof typeof schedules];
		assertClose(
			expected.map((_, i) => schedule(i)),
			expected,
			1e-9,
			name,
		);
	});

test("a warm-up before a schedule, and schedules after their end", () => {
	const schedule = linearWarmup({ steps: 2, lr: cosine({ lr: 1, steps: 4 }) });
	assertClose([0, 1, 2, 4, 6, 9].map(schedule), [0, 0.5, 1, 0.5, 0, 0], 1e-12, "warm-up");
	assert.ok(oneCycle({ lr: 1, steps: 5 })(9) > 0);
});

test("clipGradNorm: the norm of all gradients, clipped only if it is larger", async () => {
	for (const gpu of await variants()) {
		const [a, b, c] = [gpu.parameter([1, 1]), gpu.parameter([[1, 1]]), gpu.parameter([5])];
		for (const [most, factor] of [
			[10, 1],
			[2.5, 2.5 / (5 + 1e-6)],
		] as const) {
			a.setGrad(gpu.tensor([3, 0]));
			b.setGrad(gpu.tensor([[0, -4]]));
			const norm = clipGradNorm([a, b, c, a], most);
			assert.is(await norm.item(), 5);
			assertClose(await a.grad.data(), [3 * factor, 0], 1e-6, "first");
			assertClose(await b.grad.data(), [0, -4 * factor], 1e-6, "second");
			assert.not.ok(c.hasGrad);
			norm.dispose();
		}
		for (const tensor of [a, b, c]) tensor.dispose();
	}
});

/** Gradients of many shapes, of which some have several partial sums of squares. */
const gradients = [[1], [7, 13], [1024], [1025], [3, 5, 7, 11], [70, 71], [2, 0]].map((shape, i) =>
	randomArray(new Random(400 + i), shape),
);

test("clipGradNorm: its formula for gradients of many shapes", async () => {
	for (const gpu of await variants())
		for (const most of [1000, 0.25, 0]) {
			const { norm: wanted, clipped } = reference.clipGradNorm(gradients, most);
			const parameters = gradients.map((gradient) => parameterOf(gpu, gradient));
			for (const [i, parameter] of parameters.entries()) parameter.setGrad(tensorOf(gpu, gradients[i]));
			const norm = clipGradNorm(parameters, most);
			assertClose(await norm.data(), [wanted], 1e-6, "norm");
			for (const [i, parameter] of parameters.entries())
				assertClose(await parameter.grad.data(), clipped[i].data, 1e-6, `gradient ${i}, at most ${most}`);
			for (const tensor of [norm, ...parameters]) tensor.dispose();
		}
});

test("clipGradNorm: numbers that are not finite, as PyTorch", async () => {
	const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
	for (const gpu of await variants())
		for (const [values, norm, first, second] of [
			[[nan, 1], nan, [nan, nan], [nan]],
			[[inf, 1], inf, [nan, 0], [0]],
			[[1e30, 1e30], inf, [0, 0], [0]],
			[[0, 0], 2, [0, 0], [1]],
		] as const) {
			const [a, b] = [gpu.parameter([1, 1]), gpu.parameter([1])];
			a.setGrad(gpu.tensor(values));
			b.setGrad(gpu.tensor([2]));
			const found = clipGradNorm([a, b], 1);
			assert.equal([...(await found.data())], [norm], `${values}`);
			assert.equal([...(await a.grad.data())], first, `${values}`);
			assertClose(await b.grad.data(), second, 1e-5, `${values}`);
			for (const tensor of [a, b, found]) tensor.dispose();
		}
});

test("clipGradNorm and moving averages: a captured step has a few launches for each group of parameters", async () => {
	for (const gpu of await variants()) {
		const layers = Array.from({ length: 5 }, (_, i) => new Linear(gpu, 6, 6, { random: i }));
		const optimizer = new AdamW([
			{ params: layers.map(({ weight }) => weight) },
			{ params: layers.map(({ bias }) => bias as Parameter), weightDecay: 0 },
		]);
		class Network extends Module {
			readonly layers = layers;
		}
		const network = new Network();
		const average = new ExponentialMovingAverage(network, { decay: 0.5 });
		const x = gpu.randn([4, 6], { seed: 1 });
		const launches: string[] = [];
		const captured = gpu.capture(() => {
			optimizer.zeroGrad();
			backward(sum(layers.reduce((value, layer) => layer.forward(value), x as Tensor)));
			launches.length = 0; // the function runs more than once
			gpu.onLaunch = ({ kernel }) => launches.push(kernel.name);
			clipGradNorm(network.parameters().reverse(), 0.5);
			optimizer.step();
			average.update();
			gpu.onLaunch = undefined;
		});
		captured.replay();
		const counted = (name: string) => launches.filter((each) => each === name).length;
		for (const name of ["squared_sums.wgsl", "scale_segments.wgsl", "adam.wgsl", "average.wgsl"])
			assert.is(counted(name), 2, `${name}: ${launches}`);
		assert.is(counted("clip_factor.wgsl"), 1);
		for (const each of [captured, average, optimizer, network, x]) each.dispose();
	}
});

test("an exponential moving average follows its formula, captured too, and swap exchanges", async () => {
	const gpu = await device();
	const layer = new Conv2d(gpu, 1, 2, 3, { random: 1 });
	const average = new ExponentialMovingAverage(layer, { decay: 0.75 });
	const optimizer = new SGD(layer.parameters(), { lr: 0.5 });
	let expected = array(layer.weight.shape as number[], await layer.weight.data());
	const x = gpu.randn([1, 1, 5, 5], { seed: 1 });
	const captured = gpu.capture(() => {
		optimizer.zeroGrad();
		backward(sum(mul(layer.forward(x), layer.forward(x))));
		optimizer.step();
		average.update();
	});
	for (let i = 0; i < 3; i++) {
		captured.replay();
		expected = reference.movingAverage(expected, array(expected.shape, await layer.weight.data()), 0.75);
	}
	const trained = await layer.weight.data();
	assert.equal(Object.keys(average.stateDict()), ["weight", "bias"]);
	average.swap();
	assertClose(await layer.weight.data(), expected.data, 1e-6, "averages");
	average.swap();
	assertSame(await layer.weight.data(), trained, "trained weights");
	captured.dispose();
	average.dispose();
	optimizer.dispose();
	layer.dispose();
	x.dispose();
});

test("an exponential moving average of tied weights: swap twice restores them; it continues from a state dict", async () => {
	const gpu = await device();
	class Tied extends Module {
		readonly first = new Linear(gpu, 2, 2, { random: 1, bias: false });
		readonly second = this.first;
	}
	const module = new Tied();
	assert.equal(
		module.namedParameters().map(([name]) => name),
		["first.weight"],
	);
	assert.equal(Object.keys(module.stateDict()), ["first.weight", "second.weight"]);
	const average = new ExponentialMovingAverage(module, { decay: 0.5 });
	gpu.upload(module.first.weight, [1, 2, 3, 4]);
	average.update();
	average.swap();
	assert.not.equal([...(await module.first.weight.data())], [1, 2, 3, 4]);
	average.swap();
	assert.equal([...(await module.first.weight.data())], [1, 2, 3, 4]);
	const bytes = await saveSafetensors(average.stateDict());
	const other = new ExponentialMovingAverage(module, { decay: 0.5 });
	other.loadStateDict(loadSafetensors(bytes));
	for (const each of [average, other]) each.update();
	for (const [name, value] of Object.entries(other.stateDict()))
		assertSame(await value.data(), (await average.stateDict()[name]?.data()) as Float32Array, name);
	assertThrows(() => other.loadStateDict({}), StateDictError, ["ExponentialMovingAverage", "first.weight"]);
	for (const each of [average, other, module]) each.dispose();
});

test("sqrt and an optimizer: a gradient that is infinite makes the weight so, not silently", async () => {
	const gpu = await device();
	const w = gpu.parameter([0]);
	const optimizer = new SGD([w], { lr: 1 });
	gpu.scope(() => {
		backward(sum(sqrt(w)));
		optimizer.step();
	});
	assert.is(await w.item(), Number.NEGATIVE_INFINITY);
	optimizer.dispose();
	w.dispose();
});

test.run();
