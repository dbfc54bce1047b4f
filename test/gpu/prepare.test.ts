import {
	backward,
	CaptureError,
	countCodes,
	type Gpu,
	openDevice,
	relu,
	ShaderError,
	scale,
	sum,
	type Tensor,
	type Variant,
} from "tessera-gpu";
import { Trainer, VQVAE } from "tessera-gpu/vqvae";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { assertSame, device } from "../support.js";

const test = suite("prepare");

/** What a call throws. */
async function thrownBy(promise: Promise<unknown>): Promise<unknown> {
	return promise.then(
		() => undefined,
		(error: unknown) => error,
	);
}

test("it compiles the kernels of a training step, and does nothing else", async () => {
	const gpu = await openDevice();
	const model = new VQVAE(gpu, { inChannels: 1, embeddingDim: 4, numEmbeddings: 16 });
	const trainer = new Trainer(model);
	const before = { ...gpu.memory(), ...gpu.counters() };
	await trainer.prepare([2, 1, 8, 8]);
	const prepared = { ...gpu.memory(), ...gpu.counters() };
	assert.ok(prepared.pipelines > 10, `${prepared.pipelines} pipelines`);
	// What is made is the small buffers of the kernels' scalars, which the step will find.
	assert.equal({ ...prepared, pipelines: before.pipelines, buffersMade: before.buffersMade }, before);
	assert.is(
		model.parameters().some(({ hasGrad }) => hasGrad),
		false,
	);
	const x = gpu.tensor(new Float32Array(128).fill(0.1), [2, 1, 8, 8]);
	const { createComputePipeline } = gpu.device;
	gpu.device.createComputePipeline = () => {
		throw new Error("a pipeline was compiled in the step");
	};
	for (let i = 0; i < 4; i++) trainer.step(x);
	gpu.device.createComputePipeline = createComputePipeline;
	assert.ok(Number.isFinite(await trainer.step(x).loss.item()));
	gpu.dispose();
});

test("a model is prepared for encoding and decoding", async () => {
	const gpu = await openDevice();
	const model = new VQVAE(gpu, { inChannels: 1, numEmbeddings: 8 });
	await model.prepare([1, 1, 8, 8]);
	const { pipelines } = gpu.counters();
	const x = gpu.tensor(new Float32Array(64), [1, 1, 8, 8]);
	await model.decode(model.encode(x)).data();
	assert.is(gpu.counters().pipelines, pipelines);
	gpu.dispose();
});

test("it changes no gradients and uploads nothing", async () => {
	const gpu = await device();
	const w = gpu.parameter([1, 2], [2]);
	gpu.scope(() => backward(sum(scale(w, 3))));
	const { grad } = w;
	const x = gpu.tensor([5, 6], [2]);
	const before = gpu.memory();
	await gpu.prepare(() => {
		gpu.upload(x, [7, 8]);
		w.zeroGrad();
		backward(sum(relu(w)));
		return gpu.tensor([1], [1]);
	});
	assert.is(w.grad, grad);
	assertSame(await x.data(), [5, 6], "not uploaded");
	assertSame(await grad.data(), [3, 3], "the gradient");
	assert.equal(gpu.memory(), before);
	for (const tensor of [w, x]) tensor.dispose();
});

test("a kernel that does not compile is named with its line", async () => {
	const gpu = await device();
	const kernel = {
		name: "broken_early.wgsl",
		source:
			"@group(0) @binding(0) var<storage, read_write> out: array<f32>;\n@compute @workgroup_size(1)\nfn main() {\n\tnonsense();\n}\n",
	};
	const step = () => gpu.launch(kernel, { bindings: [gpu.empty([1]).memory()], workgroups: 1 });
	const { pipelines } = gpu.counters();
	for (let i = 0; i < 2; i++) {
		const error = await thrownBy(gpu.prepare(step));
		assert.instance(error, ShaderError);
		assert.match((error as Error).message, "kernels/broken_early.wgsl:4");
	}
	assert.is(gpu.counters().pipelines, pipelines);
	const x = gpu.tensor([2], [1]);
	assert.is(await x.item(), 2, "the device still works");
	x.dispose();
});

test("a step that reads back cannot be prepared", async () => {
	const gpu = await device();
	const x = gpu.tensor([2], [1]);
	const error = await thrownBy(gpu.prepare(() => void x.data().catch(() => undefined)));
	assert.instance(error, CaptureError);
	x.dispose();
});

const slow = "portable";
const fast = "blocked";

/** A kernel that writes x · FACTOR after ROUNDS rounds of other work. */
const slowScale = {
	name: "slow_scale.wgsl",
	source: `override FACTOR: f32;
override ROUNDS: u32;
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
	if (id.x >= arrayLength(&y)) { return; }
	var value = x[id.x];
	for (var i = 0u; i < ROUNDS; i++) { value = sin(value); }
	y[id.x] = select(x[id.x] * FACTOR, value, value > 2.0);
}
`,
};

/** An operation with two variants of its kernel; the second, which is not the preferred one, is the faster one. */
function double(gpu: Gpu, x: Tensor, used: Variant[]): Tensor {
	return gpu.chooseVariant(`double ${x.size}`, [slow, fast], (variant) => {
		used.push(variant);
		const half = scale(x, 0.5);
		const y = gpu.empty(x.shape);
		gpu.launch(slowScale, {
			constants: { FACTOR: 4, ROUNDS: variant === slow ? 20_000 : 1 },
			bindings: [half.memory(), y.memory()],
			workgroups: Math.ceil(x.size / 64),
		});
		return y;
	});
}

/** The variants that a run uses on a device; its results are checked. */
async function variantsOf(gpu: Gpu, size = 1000): Promise<Variant[]> {
	const used: Variant[] = [];
	const x = gpu.tensor(new Float32Array(size).fill(3), [size]);
	const y = gpu.scope(() => double(gpu, relu(x), used));
	assertSame(await y.data(), new Float32Array(size).fill(6), "doubled");
	for (const tensor of [x, y]) tensor.dispose();
	return used;
}

test("a device that tunes times each key once and keeps the timings", async () => {
	let text: string | undefined;
	let writes = 0;
	const store = {
		read: async () => text,
		write: async (written: string) => {
			text = written;
			writes++;
		},
	};
	const first = await openDevice({ tune: store });
	assert.equal(await variantsOf(first), [slow], "before it is measured");
	const used: Variant[] = [];
	const before = first.memory();
	const x = first.tensor(new Float32Array(1000).fill(3), [1000]);
	const step = () => double(first, double(first, relu(x), used), used);
	await first.prepare(step);
	assert.equal(used, [slow, fast, slow, slow], "both variants are traced, once for a key");
	assertSame(await x.data(), new Float32Array(1000).fill(3), "the input");
	x.dispose();
	assert.is(first.memory().buffers, before.buffers);
	assert.equal(await variantsOf(first), [fast], "after it");
	assert.equal(await variantsOf(first, 500), [slow], "another shape");
	assert.is(writes, 1);
	first.dispose();

	const second = await openDevice({ tune: store });
	assert.equal(await variantsOf(second), [fast], "read from the store");
	const y = second.tensor(new Float32Array(1000), [1000]);
	await second.prepare(() => double(second, y, []));
	assert.is(writes, 1, "nothing to measure");
	second.dispose();

	for (const damaged of [
		"{",
		"[1]",
		'{"double 1000": 5}',
		'{"double 1000": {"portable": "x"}}',
		'{"double 1000":{"portable":1}}',
		'{"double 1000":{"portable":2,"blocked":"1"}}',
		'{"double 1000":{"first":2,"second":1}}',
	]) {
		text = damaged;
		const third = await openDevice({ tune: store });
		assert.equal(await variantsOf(third), [slow], damaged);
		third.dispose();
	}
});

test("a device that does not tune takes the first variant", async () => {
	const gpu = await device();
	const used: Variant[] = [];
	const x = gpu.tensor(new Float32Array(1000), [1000]);
	await gpu.prepare(() => double(gpu, x, used));
	assert.equal(used, [slow]);
	assert.equal(await variantsOf(gpu), [slow]);
	x.dispose();
});

test("variants that are timed overwrite nothing outside", async () => {
	const gpu = await openDevice({ tune: { read: async () => undefined, write: async () => undefined } });
	const picks = gpu.tensor(Uint32Array.of(1, 1, 0), [3]);
	const counts = gpu.tensor(Uint32Array.of(10, 20), [2]);
	const step = () => gpu.chooseVariant("count", [slow, fast], () => countCodes(picks, counts));
	await gpu.prepare(step);
	assertSame(await counts.data(), [10, 20], "during prepare");
	step();
	assertSame(await counts.data(), [11, 22], "after");
	gpu.dispose();
});

test("the variants of the kernels", async () => {
	const gpu = await device();
	const { software, subgroupMinSize, subgroupMaxSize } = gpu.adapter;
	const runsBlocked = software && subgroupMinSize === subgroupMaxSize && subgroupMinSize >= 4;
	assert.equal(gpu.variants, runsBlocked ? ["blocked", "portable"] : ["portable"]);
	assert.is(gpu.subgroupSize > 0, gpu.variants.includes("blocked"));
	for (const variant of gpu.variants) {
		const single = await openDevice({ variant });
		assert.equal(single.variants, [variant]);
		single.dispose();
	}
});

test.run();
