// out[s, l, k] = factor · Σ x[r1, k, r2] over every LANES-th unit of the (r1, r2) of split s, from the l-th
// on, in an order that depends on the shape alone
//
// vectors  float32 [r1, k, r2], 4 neighbouring elements a vector; read if WIDTH is 4
// x        the same memory, read if WIDTH is 1
// out      float32 [splits, LANES, k]; if splits · LANES > 1 a second launch (sum.wgsl) sums the parts
// sizes    r1, k: lengths of the axes; r2: units of the last axis; splits; factor
//
// sum.wgsl for adapters on which barriers are expensive, and a load of a vector takes hardly longer than
// one of a word (lavapipe, SwiftShader); for summands that are neighbours. A unit is a vector (WIDTH 4), or
// an element (WIDTH 1). An invocation computes one element of out. LANES neighbouring invocations read
// neighbouring units. No features, default limits.
// Reference: test/reference/reductions.ts, sum

struct Sizes {
	r1: u32,
	k: u32,
	r2: u32,
	splits: u32,
	factor: f32,
}

override LANES: u32;
override WIDTH: u32;

@group(0) @binding(0) var<storage, read> vectors: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let index = id.y * groups.x * 32u + id.x;
	let lane = index % LANES;
	let k = index / LANES % sizes.k;
	let split = index / (LANES * sizes.k);
	if (split >= sizes.splits) { return; }

	let count = sizes.r1 * sizes.r2;
	let length = (count + sizes.splits - 1u) / sizes.splits;
	let end = min((split + 1u) * length, count);
	// r = (r1, r2) grows by LANES with each iteration: so the loop has no division.
	let first = split * length + lane;
	let rowStep = LANES % sizes.r2;
	let step = LANES / sizes.r2 * sizes.k * sizes.r2 + rowStep;
	let wrap = (sizes.k - 1u) * sizes.r2;
	var r2 = first % sizes.r2;
	var at = (first / sizes.r2 * sizes.k + k) * sizes.r2 + r2;
	// Eight units are added before they are added to the others: less rounding than with one sum.
	var total = vec4(0.0);
	var sum = vec4(0.0);
	var added = 0u;
	for (var r = first; r < end; r += LANES) {
		if (WIDTH == 4u) { sum += vectors[at]; } else { sum.x += x[at]; }
		added++;
		if ((added & 7u) == 0u) {
			total += sum;
			sum = vec4(0.0);
		}
		at += step;
		r2 += rowStep;
		if (r2 >= sizes.r2) {
			r2 -= sizes.r2;
			at += wrap;
		}
	}
	total += sum;
	out[(split * LANES + lane) * sizes.k + k] = sizes.factor * ((total.x + total.y) + (total.z + total.w));
}
