import {
	Adam,
	ArgumentError,
	AvgPool2d,
	BatchNorm2d,
	backward,
	Conv2d,
	ConvTranspose2d,
	clamp,
	crossEntropy,
	Dropout,
	Embedding,
	Flatten,
	GELU,
	GroupNorm,
	gelu,
	type Layer,
	LayerNorm,
	LeakyReLU,
	Linear,
	leakyRelu,
	linear,
	loadSafetensors,
	MaxPool2d,
	Module,
	MultiheadAttention,
	Random,
	ReLU,
	Sequential,
	ShapeError,
	Sigmoid,
	SiLU,
	StateDictError,
	saveSafetensors,
	sigmoid,
	silu,
	sum,
	summary,
	Tanh,
	type Tensor,
	TesseraError,
	tanh,
	Upsample,
} from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Array64, array, map, zeros } from "../reference/array.js";
import { attention } from "../reference/attention.js";
import * as products from "../reference/matmul.js";
import { assertClose, assertSame, assertThrows, device, randomArray, tensorOf } from "../support.js";

const test = suite("layers");

test("each layer computes its operation, with PyTorch's names in the state dict", async () => {
	const gpu = await device();
	const x = gpu.randn([2, 4, 6, 6], { seed: 1 });
	const cases: [Layer, string[], number[], ((x: Tensor) => Tensor)?][] = [
		[new Linear(gpu, 6, 3), ["weight", "bias"], [2, 4, 6, 3]],
		[new Linear(gpu, 6, 3, { bias: false }), ["weight"], [2, 4, 6, 3]],
		[new Conv2d(gpu, 4, 3, 3, { bias: false }), ["weight"], [2, 3, 4, 4]],
		[new ConvTranspose2d(gpu, 4, 3, 2, { bias: false, stride: 2 }), ["weight"], [2, 3, 12, 12]],
		[new Sigmoid(), [], [2, 4, 6, 6], sigmoid],
		[new Tanh(), [], [2, 4, 6, 6], tanh],
		[new SiLU(), [], [2, 4, 6, 6], silu],
		[new GELU({ approximate: "tanh" }), [], [2, 4, 6, 6], (x) => gelu(x, { approximate: "tanh" })],
		[new LeakyReLU({ negativeSlope: 0.2 }), [], [2, 4, 6, 6], (x) => leakyRelu(x, { negativeSlope: 0.2 })],
		[new Flatten(), [], [2, 144]],
		[new Flatten(0, 1), [], [8, 6, 6]],
		[new LayerNorm(gpu, 6), ["weight", "bias"], [2, 4, 6, 6]],
		[new LayerNorm(gpu, [6, 6], { affine: false }), [], [2, 4, 6, 6]],
		[new GroupNorm(gpu, 2, 4, { bias: false }), ["weight"], [2, 4, 6, 6]],
		[new BatchNorm2d(gpu, 4), ["weight", "bias", "running_mean", "running_var"], [2, 4, 6, 6]],
		[new MaxPool2d(2), [], [2, 4, 3, 3]],
		[new AvgPool2d(3, { stride: 1 }), [], [2, 4, 4, 4]],
		[new Upsample({ scaleFactor: 2, mode: "bilinear" }), [], [2, 4, 12, 12]],
	];
	for (const [layer, names, shape, operation] of cases) {
		const y = layer.forward(x);
		assert.equal([...y.shape], shape, layer.constructor.name);
		assert.equal([...layer.cost(x.shape).output], shape, `${layer.constructor.name}.cost`);
		assert.equal(Object.keys(layer.stateDict()), names, layer.constructor.name);
		if (operation) assertSame(await y.data(), await operation(x).data(), layer.constructor.name);
		y.dispose();
		layer.dispose();
	}
	const layer = new Linear(gpu, 6, 3, { random: 1 });
	assertSame(await layer.forward(x).data(), await linear(x, layer.weight, layer.bias).data(), "Linear");
	x.dispose();
});

test("MultiheadAttention: each head attends by its own projections, to a mask of its own", async () => {
	const gpu = await device();
	const layer = new MultiheadAttention(gpu, 6, 2, { random: 3 });
	assert.equal(Object.keys(layer.stateDict()).sort(), [
		"in_proj_bias",
		"in_proj_weight",
		"out_proj.bias",
		"out_proj.weight",
	]);
	const random = new Random(4);
	const arrays = [[18], [6], [2, 3, 6], [2, 4, 6], [2, 4, 6]].map((shape) => randomArray(random, shape));
	const [inBias, outBias, ...inputs] = arrays;
	gpu.upload(layer.inProjBias as Tensor, Float32Array.from(inBias.data));
	gpu.upload(layer.outProj.bias as Tensor, Float32Array.from(outBias.data));
	const of = async (parameter: Tensor) => array([...parameter.shape], await parameter.data());
	const [inWeight, outWeight] = [await of(layer.inProjWeight), await of(layer.outProj.weight)];
	const allowed = randomArray(random, [2, 2, 3, 4], 0, 1);
	const mask = map(allowed, (value) => (value < 0.4 ? Number.NEGATIVE_INFINITY : 0));
	// Head h is rows 3h … 3h + 2 of each projection.
	const part = ({ shape: [, columns = 1], data }: Array64, start: number) =>
		array(columns === 1 ? [3] : [3, columns], data.slice(start * columns, (start + 3) * columns));
	const expected = zeros([2, 3, 6]);
	for (const head of [0, 1]) {
		const [q, k, v] = inputs.map((x, i) => {
			const start = 6 * i + 3 * head;
			return products.linear(x, part(inWeight, start), part(inBias, start));
		}) as [Array64, Array64, Array64];
		const own = array(
			[2, 3, 4],
			[0, 1].flatMap((n) => [...mask.data.slice((2 * n + head) * 12, (2 * n + head + 1) * 12)]),
		);
		attention(q, k, v, { mask: own }).data.forEach((value, i) => {
			expected.data[6 * Math.floor(i / 3) + 3 * head + (i % 3)] = value;
		});
	}
	const y = gpu.scope(() => {
		const [query, key, value] = inputs.map((x) => tensorOf(gpu, x));
		const attends = gpu.tensor(
			Uint32Array.from(mask.data, (value) => (value === 0 ? 1 : 0)),
			mask.shape,
		);
		return layer.forward(query as Tensor, key, value, { mask: attends });
	});
	assertClose(await y.data(), products.linear(expected, outWeight, outBias).data, 1e-5, "forward");
	const x = tensorOf(gpu, inputs[0] as Array64);
	const [alone, both] = [layer.forward(x), layer.forward(x, x, x)];
	assertSame(await alone.data(), await both.data(), "key and value are the query");
	backward(sum(alone));
	assert.equal(
		layer.parameters().map(({ hasGrad }) => hasGrad),
		[true, true, true, true],
	);
	assert.is(layer.cost([2, 3, 6]).multiplyAdds, 4 * 6 * 36 + 2 * 6 * 3 * 6);
	assertThrows(() => new MultiheadAttention(gpu, 6, 4), ArgumentError, ["embedDim must be a multiple of numHeads 4"]);
	assertThrows(() => layer.forward(gpu.zeros([2, 3, 5])), ShapeError, [[2, 3, 5]]);
	layer.dispose();
});

test("weights are drawn by a Random, a seed, or the device's generator, and stay in their bounds", async () => {
	const gpu = await device();
	const values = async (make: () => Linear) => [...(await make().weight.data())];
	const bySeed = await values(() => new Linear(gpu, 100, 50, { random: 7 }));
	assert.equal(await values(() => new Linear(gpu, 100, 50, { random: new Random(7) })), bySeed);
	gpu.manualSeed(7);
	assert.equal(await values(() => new Linear(gpu, 100, 50)), bySeed);
	assert.not.equal(await values(() => new Linear(gpu, 100, 50)), bySeed);
	gpu.manualSeed(0);
	const largest = Math.max(...bySeed.map(Math.abs));
	assert.ok(largest <= 0.1 && largest > 0.099, `${largest}`);
});

test("training and evaluation reach the modules inside", async () => {
	const gpu = await device();
	const model = new Sequential([new Conv2d(gpu, 1, 2, 1), new BatchNorm2d(gpu, 2), new Sequential([new Dropout()])]);
	const x = gpu.ones([2, 1, 4, 4]);
	const dropped = async () => [...(await model.forward(x).data())].filter((value) => value === 0).length;
	assert.ok(model.training);
	assert.ok((await dropped()) > 5);
	assert.is(model.eval(), model);
	const before = await (model.layers[1] as BatchNorm2d).runningMean.data();
	assert.is(await dropped(), 0);
	assertSame(await (model.layers[1] as BatchNorm2d).runningMean.data(), before, "running mean");
	assert.ok(model.train().layers[1]?.training);
	model.dispose();
});

test("a module of one's own: no cost, functions in a Sequential, tied weights, buffers of any dtype", async () => {
	const gpu = await device();
	class Tied extends Module {
		readonly words = new Embedding(gpu, 5, 3, { random: 1 });
		readonly out = this.words;
		readonly counts = gpu.keep(gpu.tensor(Uint32Array.of(1, 2 ** 32 - 1)));
		readonly signed = gpu.keep(gpu.tensor(Int32Array.of(-5)));
		readonly scratch = gpu.keep(gpu.tensor([1]));

		protected override nonPersistentBuffers(): readonly string[] {
			return ["scratch"];
		}
	}
	const module = new Tied();
	assert.is(module.parameters().length, 1);
	assert.equal(Object.keys(module.stateDict()), ["words.weight", "out.weight", "counts", "signed"]);
	const bytes = await saveSafetensors(module.stateDict());
	const other = new Tied();
	gpu.upload(other.counts, [0, 0]);
	gpu.upload(other.signed, [0]);
	other.loadStateDict(loadSafetensors(bytes));
	assert.equal([...(await other.counts.data())], [1, 2 ** 32 - 1]);
	assert.equal([...(await other.signed.data())], [-5]);
	assertThrows(() => other.loadStateDict({ ...module.stateDict(), counts: gpu.tensor([1, 2]) }), StateDictError, [
		"counts",
		"float32",
		"uint32",
	]);
	assertThrows(() => summary(module, [1]), TesseraError, ["Tied.cost"]);
	const layers = new Sequential([new Linear(gpu, 2, 3), new ReLU(), (x) => clamp(x, { max: 0.5 })]);
	const y = layers.forward(gpu.ones([1, 2]));
	assert.ok((await y.data()).every((value) => value >= 0 && value <= 0.5));
	assert.equal(Object.keys(layers.stateDict()), ["0.weight", "0.bias"]);
	assertThrows(() => layers.cost([1, 2]), TesseraError, ["cost"]);
	assertThrows(() => new Sequential([Linear as never]), ArgumentError, ["layers[0]"]);
	for (const each of [module, other, layers]) each.dispose();
});

test("a classifier with norms, pooling and dropout learns, captured as eager", async () => {
	const gpu = await device();
	const losses: number[][] = [];
	for (const captured of [false, true]) {
		gpu.manualSeed(1);
		const model = new Sequential([
			new Conv2d(gpu, 1, 4, 3, { padding: 1, bias: false }),
			new BatchNorm2d(gpu, 4),
			new ReLU(),
			new MaxPool2d(2),
			new GroupNorm(gpu, 2, 4),
			new GELU(),
			new Flatten(),
			new Dropout({ p: 0.1 }),
			new Linear(gpu, 36, 3),
		]);
		const optimizer = new Adam(model.parameters(), { lr: 0.02 });
		const x = gpu.randn([12, 1, 6, 6], { seed: 3 });
		const labels = gpu.tensor(Uint32Array.from({ length: 12 }, (_, i) => i % 3));
		const step = () => {
			const loss = crossEntropy(model.forward(x), labels);
			optimizer.zeroGrad();
			backward(loss);
			optimizer.step();
			return loss;
		};
		const replay = captured ? gpu.capture(step) : undefined;
		const values: number[] = [];
		for (let i = 0; i < 30; i++) {
			const loss = replay ? replay.replay() : gpu.scope(step);
			values.push(await loss.item());
			if (!replay) loss.dispose();
		}
		losses.push(values);
		replay?.dispose();
		optimizer.dispose();
		model.dispose();
		x.dispose();
		labels.dispose();
	}
	const [eager, replayed] = losses as [number[], number[]];
	assert.ok((eager.at(-1) as number) < 0.3 * (eager[0] as number), `${eager[0]} to ${eager.at(-1)}`);
	assert.equal(replayed, eager);
	gpu.manualSeed(0);
});

test.run();
