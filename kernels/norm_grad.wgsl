// dx = (g − Σ g / n − x̂ · Σ g · x̂ / n) / √(variance + ε), with g = dy · weight and x̂ = (x − mean) / √(variance + ε), for
// each row of x[r1, k1, r2, k2] over [r1, r2]
//
// x, dy    float32 [r1, k1, r2, k2]
// moments  float32 [2, k1 · k2]: the mean and the sum of squared deviations of each row
// weight   float32 [weights]: element i of x has the weight i / weightInner % weights; read if AFFINE is 1
// dx       float32 as x; written if APPLY is 1
// sums     float32 [parts, 2, k1 · k2]: Σ g and Σ g · x̂ of each row, or of each part of it; parts is splits · lanes, or
//          splits if TREE is 1
// sizes    the lengths of the axes, splits, epsilon, weightInner, weights; count: elements of a row
//
// LANES neighbouring invocations compute one row, or one split of it. If TREE is 1 they combine their sums in workgroup
// memory. With APPLY 1 the row is read a second time at once, from the cache. No features, default limits.
// Source: Ioffe & Szegedy, "Batch normalization", 2015.
// Reference: test/reference/norms.ts, normBackward

struct Sizes {
	r1: u32,
	k1: u32,
	r2: u32,
	k2: u32,
	splits: u32,
	count: f32,
	epsilon: f32,
	weightInner: u32,
	weights: u32,
}

override LANES: u32;
override TREE: u32;
override APPLY: u32;
override AFFINE: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> moments: array<f32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
@group(0) @binding(5) var<storage, read_write> sums: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

var<workgroup> shared_: array<vec2<f32>, 64>;

// dy · weight
fn gradientOf(i: u32) -> f32 {
	if (AFFINE == 0u) { return dy[i]; }
	return dy[i] * weight[i / sizes.weightInner % sizes.weights];
}

@compute @workgroup_size(64)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) local: u32,
) {
	let lane = local % LANES;
	let index = (group.y * groups.x + group.x) * (64u / LANES) + local / LANES;
	let rows = sizes.k1 * sizes.k2;
	let split = index / rows;
	let k = index % rows;
	let inside = split < sizes.splits;
	let count = sizes.r1 * sizes.r2;
	let length = (count + sizes.splits - 1u) / sizes.splits;
	let end = select(0u, min((split + 1u) * length, count), inside);
	let base = k / sizes.k2 * sizes.r2 * sizes.k2 + k % sizes.k2;
	let mean = moments[k];
	let scale = 1.0 / sqrt(moments[rows + k] / sizes.count + sizes.epsilon);

	let first = split * length + lane;
	var r1 = first / sizes.r2;
	var r2 = first % sizes.r2;
	var total = vec2(0.0);
	for (var r = first; r < end; r += LANES) {
		let at = base + (r1 * sizes.k1 * sizes.r2 + r2) * sizes.k2;
		let g = gradientOf(at);
		total += vec2(g, g * (x[at] - mean) * scale);
		r1 += LANES / sizes.r2;
		r2 += LANES % sizes.r2;
		if (r2 >= sizes.r2) {
			r2 -= sizes.r2;
			r1++;
		}
	}
	if (TREE == 1u) {
		shared_[local] = total;
		for (var half = LANES / 2u; half > 0u; half /= 2u) {
			workgroupBarrier();
			if (lane < half) { shared_[local] += shared_[local + half]; }
		}
		workgroupBarrier();
		total = shared_[local - lane];
	}
	if (!inside) { return; }
	let part = select(split * LANES + lane, split, TREE == 1u);
	if (TREE == 0u || lane == 0u) {
		sums[2u * part * rows + k] = total.x;
		sums[(2u * part + 1u) * rows + k] = total.y;
	}
	if (APPLY == 0u) { return; }
	let means = total / sizes.count;
	r1 = lane / sizes.r2;
	r2 = lane % sizes.r2;
	for (var r = lane; r < count; r += LANES) {
		let at = base + (r1 * sizes.k1 * sizes.r2 + r2) * sizes.k2;
		dx[at] = (gradientOf(at) - means.x - (x[at] - mean) * scale * means.y) * scale;
		r1 += LANES / sizes.r2;
		r2 += LANES % sizes.r2;
		if (r2 >= sizes.r2) {
			r2 -= sizes.r2;
			r1++;
		}
	}
}
