import {
	add,
	backward,
	GradientError,
	LimitError,
	mseLoss,
	mul,
	openDevice,
	scale,
	sum,
	type Tensor,
} from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { allocateTogether, join } from "../../src/gpu/join.js";
import { Storage } from "../../src/gpu/storage.js";
import { assertSame, assertThrows, device } from "../support.js";

const test = suite("parts of a storage");

/** Tensors of 1, 70 and 3 elements, whose memory is joined: at 0, 256 and 768 bytes. */
async function joined() {
	const gpu = await device();
	const values = [[5], Array.from({ length: 70 }, (_, i) => i), [-1, -2, -3]];
	const tensors = values.map((data) => gpu.tensor(data)) as [Tensor, Tensor, Tensor];
	const whole = join(
		gpu,
		tensors.map((tensor) => tensor.memory()),
	);
	if (whole === undefined) throw new Error("they are not joined");
	return { gpu, values, tensors, whole };
}

test("joined storages keep their elements, are read and overwritten each by itself, and are freed together", async () => {
	const gpu = await device();
	const before = gpu.memory().buffers;
	const { values, tensors, whole } = await joined();
	assert.equal(
		tensors.map((tensor) => tensor.memory().offset),
		[0, 256, 768],
	);
	assert.is(whole.bytes, 780);
	for (const [i, tensor] of tensors.entries()) assertSame(await tensor.data(), values[i], `tensor ${i}`);
	const doubled = scale(tensors[1], 2);
	gpu.upload(
		tensors[1],
		values[1].map((value) => -value),
	);
	gpu.write(tensors[2].memory(), Float32Array.of(7));
	assertSame(
		await doubled.data(),
		values[1].map((value) => 2 * value),
		"computed before the upload",
	);
	assertSame(await tensors[0].data(), [5], "in front of what was overwritten");
	assertSame(
		await tensors[1].data(),
		values[1].map((value) => -value),
		"overwritten",
	);
	assertSame(await tensors[2].data(), [7, -2, -3], "overwritten in part");
	assert.is(
		join(
			gpu,
			tensors.map((tensor) => tensor.memory()),
		),
		whole,
		"they are joined already",
	);
	doubled.dispose();
	tensors[1].dispose();
	assertSame(await tensors[0].data(), [5], "the others stay");
	for (const tensor of tensors) tensor.dispose();
	assert.is(gpu.memory().buffers, before);
});

test("elements are copied from one part to another, eagerly and in a replay", async () => {
	const { gpu, tensors } = await joined();
	const other = gpu.tensor([1, 2, 3]);
	const whole = join(
		gpu,
		[other, gpu.tensor([4, 5, 6])].map((tensor) => tensor.memory()),
	);
	const copy = gpu.clone(tensors[2]);
	gpu.copy(tensors[2], copy);
	const second = gpu.tensor([0, 0, 0]);
	const pair = join(
		gpu,
		[copy, second].map((tensor) => tensor.memory()),
	);
	assert.ok(whole !== undefined && pair !== undefined);
	gpu.copy(copy, second);
	assertSame(await second.data(), [-1, -2, -3], "eagerly");
	const captured = gpu.capture(() => gpu.copy(second, copy));
	gpu.upload(second, [8, 9, 10]);
	captured.replay();
	assertSame(await copy.data(), [8, 9, 10], "in a replay");
	captured.dispose();
	for (const tensor of [...tensors, other, copy, second]) tensor.dispose();
});

test("a kernel reads one part and writes another", async () => {
	const gpu = await device();
	const kernel = {
		name: "increment.wgsl",
		source: `@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3<u32>) { y[id.x] = x[id.x] + 1; }`,
	};
	const [x, y] = [gpu.tensor([1, 2, 3]), gpu.tensor([0, 0, 0])];
	join(
		gpu,
		[x, y].map((tensor) => tensor.memory()),
	);
	const launch = () => gpu.launch(kernel, { bindings: [x, y].map((tensor) => tensor.memory()), workgroups: 3 });
	launch();
	assertSame(await y.data(), [2, 3, 4], "eagerly");
	const captured = gpu.capture(launch);
	gpu.upload(x, [5, 6, 7]);
	captured.replay();
	assertSame(await y.data(), [6, 7, 8], "in a replay");
	captured.dispose();
	for (const tensor of [x, y]) tensor.dispose();
});

test("what is written to a whole is a change of each part, what is written to a part is not one of the others", async () => {
	const gpu = await device();
	const [a, b] = [gpu.parameter([1, 2]), gpu.parameter([3, 4])];
	const whole = join(
		gpu,
		[a, b].map((parameter) => parameter.memory()),
	);
	if (whole === undefined) throw new Error("they are not joined");
	gpu.scope(() => {
		const loss = sum(mul(a, a));
		gpu.upload(b, [5, 6]);
		backward(loss);
	});
	assertSame(await a.grad.data(), [2, 4], "b was overwritten, a was not");
	const zero = {
		name: "zero.wgsl",
		source:
			"@group(0) @binding(0) var<storage, read_write> x: array<f32>; @compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3<u32>) { x[id.x] = 0; }",
	};
	gpu.scope(() => {
		const loss = sum(mul(a, a));
		gpu.launch(zero, { bindings: [whole], workgroups: 2 });
		assertThrows(() => backward(loss), GradientError, ["overwritten"]);
	});
	const captured = gpu.capture(() => gpu.launch(zero, { bindings: [whole], workgroups: 2 }));
	gpu.scope(() => {
		const loss = sum(mul(b, b));
		captured.replay();
		assertThrows(() => backward(loss), GradientError, ["overwritten"]);
	});
	captured.dispose();
	for (const parameter of [a, b]) parameter.dispose();
});

test("parts of equal sizes are told apart", async () => {
	const gpu = await device();
	const tensors = [gpu.tensor([1, 2]), gpu.tensor([3, 4])] as const;
	assert.ok(
		join(
			gpu,
			tensors.map((tensor) => tensor.memory()),
		),
	);
	for (const [i, tensor] of tensors.entries()) {
		// The second result has the buffer of the first.
		const doubled = scale(tensor, 2);
		assertSame(await doubled.data(), [4 * i + 2, 4 * i + 4], `part ${i}`);
		doubled.dispose();
	}
	for (const tensor of tensors) tensor.dispose();
});

test("what cannot be joined stays as it is", async () => {
	const gpu = await openDevice({ announce: false });
	const [a, b, c] = [gpu.tensor([1, 2]), gpu.tensor([3]), gpu.tensor([4])];
	const memory = (...tensors: Tensor[]) => tensors.map((tensor) => tensor.memory());
	const view = a.share();
	assert.is(join(gpu, memory(a, b)), undefined, "two tensors have the memory");
	view.dispose();
	assert.is(join(gpu, memory(b, b)), undefined, "the same one twice");
	assert.ok(join(gpu, memory(a, b)) instanceof Storage);
	assert.is(join(gpu, memory(b, a)), undefined, "in another order");
	assert.is(join(gpu, memory(a, b, c)), undefined, "a part of another whole");
	gpu.capture(() => assert.is(join(gpu, memory(c)), undefined, "from outside of a captured step")).dispose();
	Object.defineProperty(gpu, "bindableBytes", { value: 256 });
	const [d, e] = [gpu.tensor([1]), gpu.tensor([1])];
	assert.is(join(gpu, memory(d, e)), undefined, "260 bytes");
	assertThrows(() => gpu.allocate(260), LimitError, ["260", "256"]);
	assert.equal(
		allocateTogether(gpu, [4, 4]).map(({ whole }) => whole),
		[undefined, undefined],
	);
	gpu.dispose();
});

test("storages that are allocated together are parts of one buffer", async () => {
	const gpu = await device();
	const before = gpu.memory().buffers;
	const [a, b] = allocateTogether(gpu, [12, 8]);
	assert.is(gpu.memory().buffers, before + 1);
	assert.is(a.id, b.id);
	assert.equal([a.offset, b.offset], [0, 256]);
	a.free();
	assert.is(gpu.memory().buffers, before + 1);
	b.free();
	assert.is(gpu.memory().buffers, before);
});

test("a captured step's results can be parts; they outlive it", async () => {
	const gpu = await device();
	const before = gpu.memory().buffers;
	const x = gpu.tensor([1, 2]);
	const captured = gpu.capture(() => {
		const results = [scale(x, 2), add(x, x), mseLoss(x, scale(x, 3))] as const;
		assert.ok(
			join(
				gpu,
				results.map((tensor) => tensor.memory()),
			),
		);
		return results;
	});
	const results = captured.replay();
	assert.is(new Set(results.map((tensor) => tensor.memory().id)).size, 1);
	const kept = results[1].share();
	assertSame(await results[0].data(), [2, 4], "first");
	assertSame(await results[2].data(), [10], "third");
	captured.dispose();
	const others = Array.from({ length: 8 }, () => gpu.tensor([0, 0]));
	assertSame(await kept.data(), [2, 4], "after the captured step");
	for (const tensor of [kept, x, ...others]) tensor.dispose();
	assert.is(gpu.memory().buffers, before);
});

test.run();
