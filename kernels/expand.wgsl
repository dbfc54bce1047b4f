// out[i] = factor · x[(i / INNER) % COUNT]: repeats x along the axes in front of and behind its own. The way back of a
// sum, where every summand gets the gradient of its sum.
//
// x    float32 [COUNT]
// out  float32 [any, COUNT, INNER]
// One invocation an element of out. No features, default limits.

struct Scalars { factor: f32 }

override COUNT: u32;
override INNER: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> scalars: Scalars;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&out)) { return; }
	out[i] = scalars.factor * x[(i / INNER) % COUNT];
}
