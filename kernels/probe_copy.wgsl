// out[i] = x[i], 16 bytes for each invocation: measures memory bandwidth
//
// x    float32, a multiple of 4 elements
// out  float32 as x
//
// A workgroup copies neighbouring words. No features, default limits.
// Reference: none; it measures the adapter

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 256u + id.x;
	if (i >= arrayLength(&out)) { return; }
	out[i] = x[i];
}
