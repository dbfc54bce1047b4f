// out[i] = factor · x[(i / INNER) % COUNT]: x repeated along axes before and after its own
//
// x        float32 [COUNT]
// out      float32 [any, COUNT, INNER]
// scalars  factor
//
// The backward pass of a sum: every summand gets the gradient of its sum. One invocation computes one
// element of out. No features, default limits.
// Reference: test/reference/reductions.ts, sumBackward

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
