// dx = (dy · weight − Σ g / n − x̂ · Σ g · x̂ / n) / √(variance + ε) with the sums of norm_grad.wgsl (PRODUCT 0), or
// dx = dy · x̂, whose sums are the gradient of the weight (1); x̂ = (x − mean) / √(variance + ε)
//
// x, dy    float32 [r1, k1, r2, k2]
// moments  float32 [2, k1 · k2]: the mean and the sum of squared deviations of each row
// sums     float32 [2, k1 · k2]: Σ g and Σ g · x̂ of each row; read if PRODUCT is 0
// weight   float32 [weights]: element i of x has the weight i / weightInner % weights; read if AFFINE is 1
// dx       float32 as x
// sizes    lengths of axes; count: elements of a row; epsilon, weightInner, weights
//
// One invocation computes one element. No features, default limits.
// Reference: test/reference/norms.ts, normBackward

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
override PRODUCT: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> moments: array<f32>;
@group(0) @binding(3) var<storage, read> sums: array<f32>;
@group(0) @binding(4) var<storage, read> weight: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&dx)) { return; }
	let rows = sizes.k1 * sizes.k2;
	let k = i / (sizes.r2 * sizes.k2) % sizes.k1 * sizes.k2 + i % sizes.k2;
	let scale = 1.0 / sqrt(moments[rows + k] / sizes.count + sizes.epsilon);
	let normalised = (x[i] - moments[k]) * scale;
	if (PRODUCT == 1u) {
		dx[i] = dy[i] * normalised;
		return;
	}
	var g = dy[i];
	if (AFFINE == 1u) { g *= weight[i / sizes.weightInner % sizes.weights]; }
	dx[i] = (g - (sums[k] + normalised * sums[rows + k]) / sizes.count) * scale;
}
