import { ArgumentError, type Gpu, type Kernel } from "tessera-gpu";
import { suite } from "uvu";
import { assertSame, assertThrows, device } from "../support.js";

const test = suite("a kernel's uniform");

/** Its uniform is in the middle of its bindings. */
const withStruct: Kernel = {
	name: "with_struct.wgsl",
	source: `
struct Numbers {
	// not a field: u32
	count: u32, // nor this: i32
	shift: i32,
	factor: f32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<uniform> numbers: Numbers;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(1)
fn main() { out[0] = x[0] + numbers.factor; out[1] = f32(numbers.count); out[2] = f32(numbers.shift); }
`,
};

const withScalar: Kernel = {
	name: "with_scalar.wgsl",
	source: `
@group(0) @binding(0) var<storage, read_write> out: array<f32>;
@group(0) @binding(1) var<uniform> value: f32;
@compute @workgroup_size(1)
fn main() { out[0] = value; }
`,
};

const withVector: Kernel = {
	name: "with_vector.wgsl",
	source: withScalar.source.replace("value: f32", "value: vec4<f32>").replace("= value", "= value.x"),
};

/** What a kernel writes to three numbers. */
async function written(gpu: Gpu, kernel: Kernel, inputs: readonly number[], uniforms: Record<string, number>) {
	const x = gpu.tensor(inputs.length > 0 ? [...inputs] : [0]);
	const out = gpu.tensor([0, 0, 0]);
	gpu.launch(kernel, {
		bindings: [...(inputs.length > 0 ? [x.memory()] : []), out.memory()],
		uniforms,
		workgroups: 1,
	});
	const values = await out.data();
	for (const tensor of [x, out]) tensor.dispose();
	return values;
}

test("a binding of vectors includes the last one whole, and a binding of words the elements alone", async () => {
	const gpu = await device();
	const x = gpu.tensor([1, 2, 3, 4, 5]);
	const out = gpu.tensor([0]);
	const lengthOf = async (type: string) => {
		const source = `
@group(0) @binding(0) var<storage, read> x: array<${type}>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(1)
fn main() { out[0] = f32(arrayLength(&x)); }
`;
		const kernel = { name: `length_of_${type}.wgsl`, source };
		gpu.launch(kernel, { bindings: [x.memory(), out.memory()], workgroups: 1 });
		return out.data();
	};
	assertSame(await lengthOf("f32"), [5], "words");
	assertSame(await lengthOf("vec4<f32>"), [2], "vectors");
	assertSame(await lengthOf("f32"), [5], "words again, from the cache");
	for (const tensor of [x, out]) tensor.dispose();
});

test("is packed by the names of its fields, in any order", async () => {
	const gpu = await device();
	const values = await written(gpu, withStruct, [2], { factor: 0.5, shift: -3, count: 4_000_000_000 });
	assertSame(values, [2.5, 4_000_000_000, -3], "struct");
	assertSame(await written(gpu, withScalar, [], { value: 1.5 }), [1.5, 0, 0], "scalar");
});

test("has to be given as its kernel declares it", async () => {
	const gpu = await device();
	const x = gpu.tensor([0, 0, 0]);
	const launch = (kernel: Kernel, uniforms: Record<string, number>) => () =>
		gpu.launch(kernel, { bindings: [x.memory(), x.memory()], uniforms, workgroups: 1 });
	assertThrows(() => gpu.launch(withScalar, { bindings: [x.memory()], workgroups: 1 }), ArgumentError, [
		"uniforms.value of kernels/with_scalar.wgsl",
	]);
	assertThrows(launch(withStruct, { factor: 1, count: 1 }), ArgumentError, ["with_struct.wgsl", "shift", "undefined"]);
	assertThrows(launch(withStruct, { factor: 1, count: 1.5, shift: 0 }), ArgumentError, [
		"count",
		"a whole number",
		"1.5",
	]);
	assertThrows(launch(withStruct, { factor: 1, count: 1, shift: 0, size: 2 }), ArgumentError, [
		'no field "size"',
		"count, shift, factor",
	]);
	assertThrows(launch(withVector, { value: 1 }), ArgumentError, ["with_vector.wgsl", "value is vec4<f32>", "u32"]);
	x.dispose();
});

test.run();
