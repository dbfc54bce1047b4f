// out[o, offset + j] = x[o, j]
//
// x      any 32-bit dtype [outer, row]: the axis along which tensors are joined and those after it
// out    the same dtype [outer, outRow], of which this launch writes row · outer elements
// sizes  the lengths of rows, and with which element of a row of out x starts
//
// One invocation copies one element. No features, default limits.
// Reference: test/reference/shapes.ts, cat

struct Sizes {
	row: u32,
	outRow: u32,
	offset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<u32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&x)) { return; }
	out[i / sizes.row * sizes.outRow + sizes.offset + i % sizes.row] = x[i];
}
