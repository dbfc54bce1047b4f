// out[s, k1, k2] = factor · Σ x[r1, k1, r2, k2] over the (r1, r2) of split s, in an order that depends on
// the shape alone
//
// x      float32 [r1, k1, r2, k2]; the r axes are summed
// out    float32 [splits, k1, k2]; if splits > 1 a second launch sums the splits, as [1, 1, splits, k1·k2]
// sizes  the lengths of the axes, splits, factor
//
// A workgroup has OUTPUTS × LANES invocations (64): OUTPUTS neighbouring outputs of one split, each summed
// by LANES invocations. Lane l adds every LANES-th summand; a tree over the lanes in workgroup memory adds
// the rest. With OUTPUTS 64 neighbours read neighbouring words (k2 is large), with LANES 64 the summands are
// neighbours. No features, default limits.
// Reference: test/reference/reductions.ts, sum

struct Sizes {
	r1: u32,
	k1: u32,
	r2: u32,
	k2: u32,
	splits: u32,
	factor: f32,
}

override OUTPUTS: u32;
override LANES: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

var<workgroup> partial: array<f32, 64>;

@compute @workgroup_size(OUTPUTS, LANES)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_id) local: vec3<u32>,
) {
	let blocks = (sizes.k1 * sizes.k2 + OUTPUTS - 1u) / OUTPUTS;
	let workgroup = group.y * groups.x + group.x;
	let split = workgroup / blocks;
	let k = (workgroup % blocks) * OUTPUTS + local.x;
	let inside = split < sizes.splits && k < sizes.k1 * sizes.k2;

	let count = sizes.r1 * sizes.r2;
	let length = (count + sizes.splits - 1u) / sizes.splits;
	let end = min((split + 1u) * length, count);
	var total = 0.0;
	if (inside) {
		let base = (k / sizes.k2) * sizes.r2 * sizes.k2 + k % sizes.k2;
		// r = (r1, r2) grows by LANES with each iteration: so the loop has no division.
		let first = split * length + local.y;
		var r1 = first / sizes.r2;
		var r2 = first % sizes.r2;
		for (var r = first; r < end; r += LANES) {
			total += x[base + (r1 * sizes.k1 * sizes.r2 + r2) * sizes.k2];
			r1 += LANES / sizes.r2;
			r2 += LANES % sizes.r2;
			if (r2 >= sizes.r2) {
				r2 -= sizes.r2;
				r1++;
			}
		}
	}
	if (LANES > 1u) {
		partial[local.y * OUTPUTS + local.x] = total;
		for (var half = LANES / 2u; half > 0u; half /= 2u) {
			workgroupBarrier();
			if (local.y < half) { partial[local.y * OUTPUTS + local.x] += partial[(local.y + half) * OUTPUTS + local.x]; }
		}
		total = partial[local.x];
	}
	if (inside && local.y == 0u) { out[split * sizes.k1 * sizes.k2 + k] = sizes.factor * total; }
}
