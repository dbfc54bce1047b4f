// out[i] = factor · x[i]
//
// x        float32 [n], as vectors of 4
// out      float32 [n], likewise
// scalars  factor
//
// One invocation computes one vector. The last one may end after the last element. No features, default
// limits.
// Reference: test/reference/elementwise.ts, scale

struct Scalars { factor: f32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> scalars: Scalars;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&out)) { return; }
	out[i] = scalars.factor * x[i];
}
