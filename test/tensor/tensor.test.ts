import { ArgumentError, DisposedError, DTypeError, relu, ShapeError, scale, type Tensor } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { assertThrows, device } from "../support.js";

const test = suite("tensors and scopes");

test("integers that do not fit, and copies to another dtype, are refused", async () => {
	const gpu = await device();
	const whole = gpu.tensor([1, 2], [2], "int32");
	for (const value of [-1, 1.5, 2 ** 32])
		assertThrows(() => gpu.tensor([value], [1], "uint32"), ArgumentError, ["data[0]"]);
	const floats = gpu.tensor([1, 2], [2]);
	assertThrows(() => gpu.copy(whole, floats as never), DTypeError, ["from is int32, but to is float32"]);
	for (const tensor of [whole, floats]) tensor.dispose();
});

test("shape, dtype, size and data", async () => {
	const gpu = await device();
	const x = gpu.tensor([1, 2, 3, 4, 5, 6], [2, 3]);
	assert.equal([...x.shape], [2, 3]);
	assert.is(x.size, 6);
	assert.is(x.dtype, "float32");
	assert.equal(await x.data(), Float32Array.of(1, 2, 3, 4, 5, 6));
	const whole = gpu.tensor([1, 2], [2], "int32");
	assert.is(whole.dtype, "int32");
	assert.equal(await whole.data(), Int32Array.of(1, 2));
	const scalar = gpu.tensor([7], []);
	assert.is(await scalar.item(), 7);
	for (const tensor of [x, whole, scalar]) tensor.dispose();
});

test("data and shape must fit", async () => {
	const gpu = await device();
	const before = gpu.memory().buffers;
	assertThrows(() => gpu.tensor([1, 2, 3], [2, 2]), ShapeError, ["3", "[2, 2]"]);
	assertThrows(() => gpu.tensor([], [1]), ShapeError, ["[1]"]);
	assertThrows(() => gpu.tensor([], [-1]), ShapeError, ["[-1]"]);
	assertThrows(() => gpu.tensor([1], [1.5]), ShapeError, ["[1.5]"]);
	assertThrows(() => gpu.parameter([1, 2, 3], [2]), ShapeError, ["[2]"]);
	assert.is(gpu.memory().buffers, before, "nothing leaks");
});

test("the shape of data is that of its arrays, unless it is given", async () => {
	const gpu = await device();
	const shapes: [Tensor<"float32" | "int32" | "uint32">, number[], string][] = [
		[gpu.tensor([1, 2, 3]), [3], "float32"],
		[gpu.tensor([[1, 2, 3], [4, 5, 6]]), [2, 3], "float32"], // biome-ignore format: as one writes it
		[gpu.tensor([[[7]], [[8]]], undefined, "uint32"), [2, 1, 1], "uint32"],
		[gpu.tensor([[1], [2]], [2, 1]), [2, 1], "float32"],
		[gpu.tensor(Int32Array.of(-1, 2)), [2], "int32"],
		[gpu.tensor(5), [], "float32"],
		[gpu.parameter([[1, Number.NaN]]), [1, 2], "float32"],
	];
	for (const [tensor, shape, dtype] of shapes) {
		assert.equal([...tensor.shape], shape);
		assert.is(tensor.dtype, dtype);
	}
	const [flat, nested, deep, , , scalar, withNaN] = await gpu.readAll(shapes.map(([tensor]) => tensor));
	assert.equal([flat, nested], [Float32Array.of(1, 2, 3), Float32Array.of(1, 2, 3, 4, 5, 6)]);
	assert.equal([deep, scalar], [Uint32Array.of(7, 8), Float32Array.of(5)]);
	assert.ok(Number.isNaN(withNaN[1]));
	gpu.upload(shapes[1][0], [[6, 5, 4], [3, 2, 1]]); // biome-ignore format: as one writes it
	assert.equal(await shapes[1][0].data(), Float32Array.of(6, 5, 4, 3, 2, 1));
	for (const [tensor] of shapes) tensor.dispose();
});

test("tensors print as what they are", async () => {
	const gpu = await device();
	const x = gpu.tensor([1, 2, 3, 4], [2, 2]);
	const parameter = gpu.parameter([1]);
	const inspect = Symbol.for("nodejs.util.inspect.custom");
	assert.is(String(x), "Tensor float32 [2, 2]");
	assert.is((x as unknown as Record<symbol, () => string>)[inspect](), "Tensor float32 [2, 2]");
	assert.is(JSON.stringify({ x }), '{"x":"Tensor float32 [2, 2]"}');
	parameter.dispose();
	assert.is(`${parameter}`, "Parameter float32 [1], disposed of");
	x.dispose();
});

test("a scope frees the tensors made in it, except those it returns", async () => {
	const gpu = await device();
	const before = gpu.memory().buffers;
	const kept = gpu.scope(() => {
		const x = gpu.tensor([1, -1], [2]);
		const y = relu(x);
		return { list: [scale(y, 2)], other: scale(y, 3) };
	});
	assert.is(gpu.memory().buffers, before + 2);
	assert.equal(await (kept.list[0] as Tensor).data(), Float32Array.of(2, 0));
	(kept.list[0] as Tensor).dispose();
	kept.other.dispose();
	assert.is(gpu.memory().buffers, before);
});

test("what an inner scope returns belongs to the outer one", async () => {
	const gpu = await device();
	const before = gpu.memory().buffers;
	gpu.scope(() => {
		const inner = gpu.scope(() => relu(gpu.tensor([1], [1])));
		assert.is(inner.isDisposed, false);
	});
	assert.is(gpu.memory().buffers, before);
});

test("a scope gives everything back when its body throws", async () => {
	const gpu = await device();
	const before = gpu.memory().buffers;
	assert.throws(() =>
		gpu.scope(() => {
			gpu.tensor([1], [1]);
			throw new Error("on purpose");
		}),
	);
	assert.is(gpu.memory().buffers, before);
});

test("an async scope is refused", async () => {
	const gpu = await device();
	assertThrows(() => gpu.scope(async () => undefined), ArgumentError, ["async"]);
});

test("keep takes a tensor out of its scope", async () => {
	const gpu = await device();
	let kept: Tensor | undefined;
	gpu.scope(() => {
		kept = gpu.keep(gpu.tensor([4], [1]));
	});
	assert.is(await kept?.item(), 4);
	kept?.dispose();
});

test("a disposed tensor names its shape; disposing twice is fine", async () => {
	const gpu = await device();
	const x = gpu.tensor([1, 2, 3], [3]);
	x.dispose();
	x.dispose();
	assert.is(x.isDisposed, true);
	assertThrows(() => relu(x), DisposedError, ["[3]"]);
});

test("using disposes at the end of the block", async () => {
	const gpu = await device();
	const before = gpu.memory().buffers;
	{
		using x = gpu.tensor([1], [1]);
		assert.is(await x.item(), 1);
	}
	assert.is(gpu.memory().buffers, before);
});

test("shared memory lives until the last tensor over it ends", async () => {
	const gpu = await device();
	const x = gpu.tensor([1, 2, 3, 4], [4]);
	const y = x.share([2, 2]);
	x.dispose();
	assert.equal(await y.data(), Float32Array.of(1, 2, 3, 4));
	y.dispose();
});

test.run();
