// mean = (1 − momentum) · mean + momentum · moments[0], variance likewise by moments[1] / (count − 1), in place
//
// moments         float32 [2, C]: the mean and the sum of squared deviations of each channel of a batch
// mean, variance  float32 [C], the running statistics
// settings        momentum; count: elements of a channel of the batch
//
// One invocation computes one channel. No features, default limits.
// Reference: test/reference/norms.ts, runningStats

struct Settings {
	momentum: f32,
	count: f32,
}

@group(0) @binding(0) var<storage, read> moments: array<f32>;
@group(0) @binding(1) var<storage, read_write> mean: array<f32>;
@group(0) @binding(2) var<storage, read_write> variance: array<f32>;
@group(0) @binding(3) var<uniform> settings: Settings;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let c = id.y * groups.x * 64u + id.x;
	if (c >= arrayLength(&mean)) { return; }
	let kept = 1.0 - settings.momentum;
	mean[c] = kept * mean[c] + settings.momentum * moments[c];
	let unbiased = moments[arrayLength(&mean) + c] / (settings.count - 1.0);
	variance[c] = kept * variance[c] + settings.momentum * unbiased;
}
