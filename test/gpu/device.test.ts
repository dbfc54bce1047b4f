import {
	ArgumentError,
	add,
	DeviceMismatchError,
	type LaunchEvent,
	LimitError,
	matmul,
	mul,
	openDevice,
	relu,
	ShaderError,
	scale,
	sum,
} from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { sizeClass } from "../../src/gpu/buffer_pool.js";
import { assertSame, assertThrows, device } from "../support.js";

const test = suite("the machine");

test("an upload fits into its buffer", async () => {
	const gpu = await device();
	const x = gpu.tensor([1, 2, 3], [3]);
	gpu.write(x.memory(), Float32Array.of(7));
	assertThrows(() => gpu.write(x.memory(), Float32Array.of(8, 9, 10, 11)), LimitError, ["16 bytes", "12"]);
	assertSame(await x.data(), [7, 2, 3], "after the upload");
	x.dispose();
});

test("an upload into a recycled buffer waits for the commands that still read it", async () => {
	const gpu = await device();
	const first = gpu.tensor(new Float32Array(100).fill(1), [100]);
	const doubled = add(first, first);
	first.dispose(); // its buffer is free, but the addition has not been submitted
	const second = gpu.tensor(new Float32Array(100).fill(5), [100]);
	assertSame(await doubled.data(), new Float32Array(100).fill(2), "doubled");
	for (const tensor of [doubled, second]) tensor.dispose();
});

test("an upload over a tensor leaves earlier results alone", async () => {
	const gpu = await device();
	const x = gpu.tensor([1, 2, 3], [3]);
	const before = scale(x, 10);
	gpu.upload(x, [4, 5, 6]);
	const after = scale(x, 10);
	assertSame(await before.data(), [10, 20, 30], "before");
	assertSame(await after.data(), [40, 50, 60], "after");
	for (const tensor of [x, before, after]) tensor.dispose();
});

test("operations do not wait, and are submitted together", async () => {
	const gpu = await device();
	await gpu.finish();
	const { submits } = gpu.counters();
	const results = gpu.scope(() => {
		let x = gpu.tensor([1, -2, 3], [3]);
		for (let i = 0; i < 20; i++) x = relu(x);
		return x;
	});
	assert.is(gpu.counters().submits, submits, "nothing is submitted before a read");
	assertSame(await results.data(), [1, 0, 3], "result");
	assert.is(gpu.counters().submits, submits + 1);
	results.dispose();
});

test("several tensors are read with one wait", async () => {
	const gpu = await device();
	const tensors = [
		gpu.tensor([1, 2, 3], [3]),
		gpu.tensor(Uint32Array.of(7), [1]),
		gpu.tensor(Int32Array.of(-1, 5), [2]),
	];
	const [a, b, c] = await gpu.readAll(tensors);
	assert.equal(a, Float32Array.of(1, 2, 3));
	assert.equal(b, Uint32Array.of(7));
	assert.equal(c, Int32Array.of(-1, 5));
	for (const tensor of tensors) tensor.dispose();
});

test("more workgroups than one dimension takes are folded into rows", async () => {
	const gpu = await device();
	const groups = gpu.limits.maxComputeWorkgroupsPerDimension;
	const size = 64 * groups + 1; // one workgroup more than fits
	const x = gpu.tensor(new Float32Array(size).fill(1), [size]);
	const y = scale(x, 3);
	const total = sum(y);
	const values = await y.data();
	assert.is(values[0], 3);
	assert.is(values[size - 1], 3);
	assert.is(values.indexOf(0), -1);
	assert.is(await total.item(), 3 * size);
	for (const tensor of [x, y, total]) tensor.dispose();
	gpu.trim();
});

test("a buffer over the limit is refused with both numbers", async () => {
	const gpu = await device();
	const limit = Math.min(gpu.limits.maxStorageBufferBindingSize, gpu.limits.maxBufferSize);
	const length = limit / 4 + 64;
	const error = assert.throws as unknown as (f: () => void, check: (error: Error) => boolean) => void;
	error(
		() => gpu.empty([length]),
		(thrown) =>
			thrown instanceof LimitError && thrown.message.includes(`${limit}`) && thrown.message.includes(`${4 * length}`),
	);
});

test("size classes waste at most an eighth", () => {
	for (let bytes = 257; bytes < 1e7; bytes = Math.ceil(bytes * 1.013)) {
		const size = sizeClass(bytes);
		assert.ok(size >= bytes && size <= bytes * 1.125 + 16, `${bytes} → ${size}`);
		assert.is(size % 4, 0);
	}
	assert.is(sizeClass(1), 256);
});

test("trim destroys free buffers, and operations still work", async () => {
	const gpu = await device();
	const x = gpu.tensor([1, 2], [2]);
	scale(x, 2).dispose(); // encoded, not submitted: its buffer is free but still used
	gpu.trim();
	assert.is(gpu.memory().pooledBuffers, 0);
	const y = scale(x, 3);
	assertSame(await y.data(), [3, 6], "after trim");
	for (const tensor of [x, y]) tensor.dispose();
});

test("a kernel that does not compile is named with its line", async () => {
	const gpu = await device();
	const out = gpu.empty([1]);
	const kernel = {
		name: "broken.wgsl",
		source:
			"@group(0) @binding(0) var<storage, read_write> out: array<f32>;\n@compute @workgroup_size(1)\nfn main() {\n\tout[0] = undefinedName;\n}\n",
	};
	gpu.launch(kernel, { bindings: [out.memory()], workgroups: 1 });
	let message = "";
	try {
		await out.data();
	} catch (error) {
		assert.instance(error, ShaderError);
		message = (error as Error).message;
	}
	assert.match(message, "kernels/broken.wgsl:4");
	assert.match(message, "undefinedName");
	out.dispose();
	const x = gpu.tensor([2], [1]);
	assert.is(await x.item(), 2, "the device still works");
	x.dispose();
});

test("what a failed batch wrote cannot be read, nor what is computed from it", async () => {
	const gpu = await device();
	const x = gpu.tensor([2, 3], [2]);
	await gpu.finish();
	const broken = {
		name: "broken_too.wgsl",
		source:
			"@group(0) @binding(0) var<storage, read_write> out: array<f32>;\n@compute @workgroup_size(1)\nfn main() { nonsense(); }\n",
	};
	const out = gpu.empty([1]);
	const innocent = scale(x, 11);
	gpu.launch(broken, { bindings: [out.memory()], workgroups: 1 });
	const results = await Promise.allSettled([out.data(), innocent.data()]);
	assert.equal(
		results.map(({ status }) => status),
		["rejected", "rejected"],
	);
	const later = scale(innocent, 2);
	const laterStatus = (await Promise.allSettled([later.data()]))[0]?.status;
	assert.is(laterStatus, "rejected", "computed from what was never written");
	const again = scale(x, 11);
	assertSame(await again.data(), [22, 33], "computed again");
	for (const tensor of [x, out, innocent, later, again]) tensor.dispose();
});

test("a tensor copied onto itself or its share stays as it is", async () => {
	const gpu = await device();
	const x = gpu.tensor([1, 2], [2]);
	const share = x.share();
	gpu.copy(x, x);
	gpu.copy(x, share);
	const copy = gpu.clone(x);
	gpu.upload(x, [5, 6]);
	assertSame(await copy.data(), [1, 2], "the copy");
	for (const tensor of [x, share, copy]) tensor.dispose();
});

test("constants and other devices' tensors cannot be written", async () => {
	const gpu = await device();
	const constant = gpu.constant(3);
	assertThrows(() => gpu.upload(constant, [4]), ArgumentError);
	constant.dispose();
	const other = await openDevice();
	const foreign = other.tensor([1], [1]);
	assertThrows(() => gpu.upload(foreign, [2]), DeviceMismatchError);
	const results = await Promise.allSettled([gpu.readAll([foreign])]);
	assert.is(results[0]?.status, "rejected");
	assert.is(await foreign.item(), 1);
	other.dispose();
});

test("more scalars than the cache holds, some still in use", async () => {
	const gpu = await device();
	const x = gpu.tensor([1], [1]);
	const held = gpu.constant(0.125);
	const product = mul(x, held);
	for (let i = 0; i < 600; i++) scale(x, 1000 + i).dispose();
	const again = mul(x, held);
	held.dispose();
	assert.is(await product.item(), 0.125);
	assert.is(await again.item(), 0.125);
	assert.ok(gpu.counters().bindGroups < 3000, `${gpu.counters().bindGroups} bind groups`);
	for (const tensor of [x, product, again]) tensor.dispose();
});

test("a launch that is split into dispatches runs each workgroup once", async () => {
	const gpu = await device();
	const kernel = {
		name: "count_workgroups.wgsl",
		source:
			"struct Slice { first: u32, end: u32 }\n@group(0) @binding(0) var<storage, read_write> counts: array<u32>;\n@group(0) @binding(1) var<uniform> slice: Slice;\n@compute @workgroup_size(1)\nfn main(@builtin(workgroup_id) id: vec3<u32>) {\n\tlet group = slice.first + id.x;\n\tif (group < slice.end) { counts[group] += 1u; }\n}\n",
	};
	const flopsOfSlice = gpu.adapter.software ? 5e8 : 1e10;
	for (const [workgroups, slices] of [
		[10, 3],
		[1, 1],
		[1, 4],
		[7, 7],
		[100, 99],
		[1023, 64],
	]) {
		const counts = gpu.tensor(new Uint32Array(workgroups + 8));
		const { dispatches } = gpu.counters();
		gpu.launch(kernel, { bindings: [counts.memory()], workgroups, flops: slices * flopsOfSlice });
		const split = gpu.counters().dispatches - dispatches;
		const expected = Uint32Array.from({ length: workgroups + 8 }, (_, i) => (i < workgroups ? 1 : 0));
		assertSame(await counts.data(), expected, `${workgroups} workgroups in ${slices}`);
		assert.is(split, Math.ceil(workgroups / Math.ceil(workgroups / slices)), `${workgroups} in ${slices}: dispatches`);
		counts.dispose();
	}
});

test("a launch that is split into many dispatches keeps the scalars of each", async () => {
	const gpu = await device();
	// As the blocked kernel reads them, so that neither is packed by a launch of its own.
	const a = gpu.tensor(new Float32Array(64 * 8).fill(1), [8, 64]);
	const b = gpu.tensor(new Float32Array(8 * 2000).fill(2), [8, 2000]);
	const events: LaunchEvent[] = [];
	gpu.onLaunch = (event) => events.push(event);
	const c = matmul(a, b, { transposeA: true });
	gpu.onLaunch = undefined;
	assert.is(events.length, 1);
	const [{ kernel, launch }] = events;
	gpu.write(c.memory(), new Float32Array(c.size));
	const { dispatches } = gpu.counters();
	gpu.launch(kernel, { ...launch, flops: 1e15 });
	assert.ok(gpu.counters().dispatches - dispatches > 16, "it is split");
	const values = await c.data();
	assert.is(values.length, 128_000);
	assert.ok(values.every((value) => value === 16));
	for (const tensor of [a, b, c]) tensor.dispose();
});

test("work encoded while a timing waits is done, and a timing frees its buffers", async () => {
	const gpu = await device();
	const x = gpu.tensor([2, 3], [2]);
	const before = gpu.memory().buffers;
	const timing = gpu.time(() => relu(x).dispose());
	const result = scale(x, 7);
	await timing;
	assertSame(await result.data(), [14, 21], "encoded meanwhile");
	result.dispose();
	const failing = await Promise.allSettled([
		gpu.time(() =>
			gpu.upload(
				gpu.scope(() => x),
				[1, 1],
			),
		),
	]);
	assert.is(failing[0]?.status, "fulfilled", "an upload of a tensor that no command uses does not split the pass");
	const split = await Promise.allSettled([
		gpu.time(() => {
			relu(x).dispose();
			gpu.upload(x, [1, 1]);
		}),
	]);
	assert.is(split[0]?.status, "rejected");
	const thrown = await Promise.allSettled([
		gpu.time(() => {
			relu(x).dispose();
			throw new Error("on purpose");
		}),
	]);
	assert.is(thrown[0]?.status, "rejected");
	assert.is((await x.data()).length, 2, "the device works on after a failed timing");
	assert.is(gpu.memory().buffers, before);
	x.dispose();
});

test("timing a kernel gives a positive time", async () => {
	const gpu = await device();
	const x = gpu.tensor(new Float32Array(1e6), [1e6]);
	const milliseconds = await gpu.time(() => scale(x, 2).dispose());
	assert.ok(milliseconds > 0 && milliseconds < 60_000, `${milliseconds} ms`);
	x.dispose();
});

test.run();
