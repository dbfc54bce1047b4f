// dx[o, j, i] = dy[o, i] · exp(x[o, j, i] − y[o, i])
//
// x, dx  float32 [outer, length, inner]
// y, dy  float32 [outer, inner]
// sizes  the lengths of the axes
//
// One invocation computes one element. No features, default limits.
// Reference: test/reference/reductions.ts, logSumExpBackward

struct Sizes {
	length: u32,
	inner: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let at = id.y * groups.x * 64u + id.x;
	if (at >= arrayLength(&dx)) { return; }
	let row = at / sizes.inner / sizes.length * sizes.inner + at % sizes.inner;
	let difference = x[at] - y[row];
	let isNan = (bitcast<u32>(difference) & 0x7fffffffu) > 0x7f800000u;
	dx[at] = dy[row] * select(exp(difference), difference, isNan);
}
