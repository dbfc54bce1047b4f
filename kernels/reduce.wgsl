// out[s, l, k1, k2] = max x[r1, k1, r2, k2] (OPERATION 0), min (1) or the sum of integers (2) over every
// LANES-th of the (r1, r2) of split s, from the l-th on
//
// x       float32 (TYPE 0), int32 (1) or uint32 (2) [r1, k1, r2, k2], as vectors of 4; read if WIDTH is 4
// xWords  the same buffer as words; read if WIDTH is 1
// out     the same dtype [splits, lanes, k1, k2]; lanes is 1 if TREE is 1. If there are several parts a second
//         launch reduces them
// sizes   the lengths of the axes, splits. With WIDTH 4 the last axis is counted in vectors: k2, or if FOLD
//         is 1 r2, and then k2 is 1
//
// LANES neighbouring invocations compute one result, or 4 neighbouring ones (WIDTH 4, FOLD 0). If TREE is 1
// they combine theirs in workgroup memory, which is fast on GPUs. NaN in, NaN out. No features, default limits.
// Reference: test/reference/reductions.ts, reduce

struct Sizes {
	r1: u32,
	k1: u32,
	r2: u32,
	k2: u32,
	splits: u32,
}

override OPERATION: u32;
override TYPE: u32;
override LANES: u32;
override TREE: u32;
override WIDTH: u32;
override FOLD: u32;

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> xWords: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

var<workgroup> partial: array<vec4<u32>, 64>;

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: vec4<f32>) -> vec4<bool> { return (bitcast<vec4<u32>>(x) & vec4(0x7fffffffu)) > vec4(0x7f800000u); }

fn combine(a: vec4<u32>, b: vec4<u32>) -> vec4<u32> {
	if (OPERATION == 2u) { return a + b; }
	if (TYPE == 0u) {
		let x = bitcast<vec4<f32>>(a);
		let y = bitcast<vec4<f32>>(b);
		let larger = select(min(x, y), max(x, y), OPERATION == 0u);
		return bitcast<vec4<u32>>(select(select(larger, y, isNan(y)), x, isNan(x)));
	}
	if (TYPE == 1u) {
		let x = bitcast<vec4<i32>>(a);
		let y = bitcast<vec4<i32>>(b);
		return bitcast<vec4<u32>>(select(min(x, y), max(x, y), OPERATION == 0u));
	}
	return select(min(a, b), max(a, b), OPERATION == 0u);
}

// What changes no other value: −∞ or ∞, the smallest or largest integer, 0.
fn identity() -> u32 {
	if (OPERATION == 2u) { return 0u; }
	if (TYPE == 0u) { return select(0x7f800000u, 0xff800000u, OPERATION == 0u); }
	if (TYPE == 1u) { return select(0x7fffffffu, 0x80000000u, OPERATION == 0u); }
	return select(0xffffffffu, 0u, OPERATION == 0u);
}

@compute @workgroup_size(64)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) local: u32,
) {
	let lane = local % LANES;
	let index = (group.y * groups.x + group.x) * (64u / LANES) + local / LANES;
	let results = sizes.k1 * sizes.k2;
	let split = index / results;
	let k = index % results;
	let inside = split < sizes.splits;

	let count = sizes.r1 * sizes.r2;
	let length = (count + sizes.splits - 1u) / sizes.splits;
	let end = select(0u, min((split + 1u) * length, count), inside);
	let base = k / sizes.k2 * sizes.r2 * sizes.k2 + k % sizes.k2;
	// r = (r1, r2) grows by LANES with each iteration: so the loop has no division.
	let first = split * length + lane;
	var r1 = first / sizes.r2;
	var r2 = first % sizes.r2;
	var total = vec4(identity());
	for (var r = first; r < end; r += LANES) {
		let at = base + (r1 * sizes.k1 * sizes.r2 + r2) * sizes.k2;
		if (WIDTH == 4u) { total = combine(total, x[at]); } else { total = combine(total, vec4(xWords[at])); }
		r1 += LANES / sizes.r2;
		r2 += LANES % sizes.r2;
		if (r2 >= sizes.r2) {
			r2 -= sizes.r2;
			r1++;
		}
	}
	if (TREE == 1u) {
		partial[local] = total;
		for (var half = LANES / 2u; half > 0u; half /= 2u) {
			workgroupBarrier();
			if (lane < half) { partial[local] = combine(partial[local], partial[local + half]); }
		}
		total = partial[local];
	}
	if (!inside || (TREE == 1u && lane > 0u)) { return; }
	let row = select(split * LANES + lane, split, TREE == 1u) * results + k;
	if (WIDTH == 4u && FOLD == 0u) {
		out[4u * row] = total.x;
		out[4u * row + 1u] = total.y;
		out[4u * row + 2u] = total.z;
		out[4u * row + 3u] = total.w;
		return;
	}
	if (FOLD == 1u) {
		let pairs = combine(total, total.zwxy);
		total = combine(pairs, pairs.yxwz);
	}
	out[row] = total.x;
}
