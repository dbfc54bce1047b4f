// y = (x − mean) / √(variance + ε) · weight + bias, with mean and variance of each row; rows are [r1, r2] of
// x[r1, k1, r2, k2]
//
// x              float32 [r1, k1, r2, k2], as vectors of 4; read if WIDTH is 4
// xWords         the same buffer as words; read if WIDTH is 1
// weight, bias   float32 [weights]: element i of x has the weight i / weightInner % weights; read if AFFINE is 1
// y              float32 as x, as words; written if WRITES is 1
// moments        float32 [2, k1 · k2]: the mean and Σ (x − mean)² of each row if APPLY is 1; else the partial sums
//                [parts, 2, k1 · k2] of x − shift and (x − shift)², with the row's first element as shift, which
//                moments.wgsl adds; parts is splits · lanes, or splits if TREE is 1
// sizes          the lengths of the axes, splits, epsilon, weightInner, weights. With WIDTH 4 r2 is counted in vectors,
//                and k2 is 1
//
// LANES neighbouring invocations compute one row, or one split of it. If TREE is 1 they combine their sums in workgroup
// memory, which is fast on GPUs. With APPLY 1 the row is read a second time at once, from the cache. The shift keeps the
// digits of rows whose mean is large. No features, default limits.
// Source: Chan, Golub & LeVeque, "Algorithms for computing the sample variance", 1983.
// Reference: test/reference/norms.ts, norm

struct Sizes {
	r1: u32,
	k1: u32,
	r2: u32,
	k2: u32,
	splits: u32,
	epsilon: f32,
	weightInner: u32,
	weights: u32,
}

override LANES: u32;
override TREE: u32;
override WIDTH: u32;
override APPLY: u32;
override AFFINE: u32;
override WRITES: u32;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xWords: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> moments: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

var<workgroup> sums: array<vec2<f32>, 64>;

// Writes an element of the result. @param value (x − mean) / √(variance + ε)
fn store(i: u32, value: f32) {
	if (AFFINE == 1u) {
		let channel = i / sizes.weightInner % sizes.weights;
		y[i] = value * weight[channel] + bias[channel];
	} else { y[i] = value; }
}

// The number, or 0 if rounding has made it negative; NaN stays NaN.
fn notNegative(x: f32) -> f32 {
	let isNan = (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
	return select(max(x, 0.0), x, isNan);
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
	let shift = xWords[min(base * WIDTH, arrayLength(&xWords) - 1u)];

	let first = split * length + lane;
	var r1 = first / sizes.r2;
	var r2 = first % sizes.r2;
	var sum = vec4(0.0);
	var squares = vec4(0.0);
	for (var r = first; r < end; r += LANES) {
		let at = base + (r1 * sizes.k1 * sizes.r2 + r2) * sizes.k2;
		if (WIDTH == 4u) {
			let value = x[at] - vec4(shift);
			sum += value;
			squares = fma(value, value, squares);
		} else {
			let value = xWords[at] - shift;
			sum.x += value;
			squares.x = fma(value, value, squares.x);
		}
		r1 += LANES / sizes.r2;
		r2 += LANES % sizes.r2;
		if (r2 >= sizes.r2) {
			r2 -= sizes.r2;
			r1++;
		}
	}
	var total = vec2((sum.x + sum.y) + (sum.z + sum.w), (squares.x + squares.y) + (squares.z + squares.w));
	if (TREE == 1u) {
		sums[local] = total;
		for (var half = LANES / 2u; half > 0u; half /= 2u) {
			workgroupBarrier();
			if (lane < half) { sums[local] += sums[local + half]; }
		}
		workgroupBarrier();
		total = sums[local - lane];
	}
	if (!inside) { return; }
	if (APPLY == 0u) {
		let part = select(split * LANES + lane, split, TREE == 1u);
		if (TREE == 0u || lane == 0u) {
			moments[2u * part * rows + k] = total.x;
			moments[(2u * part + 1u) * rows + k] = total.y;
		}
		return;
	}
	let n = f32(count * WIDTH);
	let mean = shift + total.x / n;
	let deviations = notNegative(total.y - total.x / n * total.x);
	if (lane == 0u) {
		moments[k] = mean;
		moments[rows + k] = deviations;
	}
	if (WRITES == 0u) { return; }
	let scale = 1.0 / sqrt(deviations / n + sizes.epsilon);
	r1 = lane / sizes.r2;
	r2 = lane % sizes.r2;
	for (var r = lane; r < count; r += LANES) {
		let at = base + (r1 * sizes.k1 * sizes.r2 + r2) * sizes.k2;
		if (WIDTH == 4u) {
			let value = ((x[at] - vec4(shift)) - vec4(total.x / n)) * scale;
			store(4u * at, value.x);
			store(4u * at + 1u, value.y);
			store(4u * at + 2u, value.z);
			store(4u * at + 3u, value.w);
		} else { store(at, ((xWords[at] - shift) - total.x / n) * scale); }
		r1 += LANES / sizes.r2;
		r2 += LANES % sizes.r2;
		if (r2 >= sizes.r2) {
			r2 -= sizes.r2;
			r1++;
		}
	}
}
