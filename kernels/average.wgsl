// average = average + (1 − decay) · (x − average), in place
//
// x        float32 [n]
// average  float32 [n]
// weight   1 − decay
//
// One invocation computes one element. No features, default limits.
// Reference: test/reference/optimizers.ts, movingAverage

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> average: array<f32>;
@group(0) @binding(2) var<uniform> weight: f32;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&average)) { return; }
	average[i] += weight * (x[i] - average[i]);
}
