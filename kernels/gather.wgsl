// out[o, j, i] = x[o, indices[j], i], or with PER_ELEMENT 1 x[o, indices[o, j, i], i]
//
// x        any 32-bit dtype [outer, length, inner]
// indices  uint32 or int32 [count], or [outer, count, inner] with PER_ELEMENT 1
// out      the same dtype as x [outer, count, inner]; 0 where an index is not in [0, length)
// sizes    the lengths of the axes
//
// One invocation computes one element. No features, default limits.
// Reference: test/reference/indexing.ts, gather

struct Sizes {
	length: u32,
	count: u32,
	inner: u32,
}

override PER_ELEMENT: u32;

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let at = id.y * groups.x * 64u + id.x;
	if (at >= arrayLength(&out)) { return; }
	let row = at / sizes.inner;
	let index = indices[select(row % sizes.count, at, PER_ELEMENT == 1u)];
	// Negative indices are large unsigned ones.
	if (index >= sizes.length) {
		out[at] = 0u;
		return;
	}
	out[at] = x[(row / sizes.count * sizes.length + index) * sizes.inner + at % sizes.inner];
}
