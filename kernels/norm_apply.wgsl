// y = (x − mean) / √(deviations / count + ε) · weight + bias, elementwise; element i of x is of row
// i / (r2 · k2) % k1 · k2 + i % k2
//
// x             float32 [r1, k1, r2, k2]
// moments       float32 [2, k1 · k2]: the mean and the sum of squared deviations of each row
// weight, bias  float32 [weights]: element i of x has the weight i / weightInner % weights; read if AFFINE is 1
// y             float32 as x
// sizes         lengths of axes, count, epsilon, weightInner, weights
//
// One invocation computes one element. No features, default limits.
// Reference: test/reference/norms.ts, norm

struct Sizes {
	k1: u32,
	r2: u32,
	k2: u32,
	count: f32,
	epsilon: f32,
	weightInner: u32,
	weights: u32,
}

override AFFINE: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> moments: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&y)) { return; }
	let k = i / (sizes.r2 * sizes.k2) % sizes.k1 * sizes.k2 + i % sizes.k2;
	let value = (x[i] - moments[k]) / sqrt(moments[sizes.k1 * sizes.k2 + k] / sizes.count + sizes.epsilon);
	if (AFFINE == 1u) {
		let channel = i / sizes.weightInner % sizes.weights;
		y[i] = value * weight[channel] + bias[channel];
	} else { y[i] = value; }
}
