// y[s, o, i] = log Σ exp(x[o, j, i]) over the j of split s, without overflow
//
// x      float32 [outer, length, inner]
// y      float32 [splits, outer, inner]; if splits > 1 a second launch adds them, by the same formula
// sizes  the lengths of the axes, splits
//
// A workgroup has ROWS × LANES invocations (64): ROWS neighbouring results, each computed by LANES invocations, each
// with a running maximum and sum, which they combine in workgroup memory. NaN in, NaN out. No features, default limits.
// Source: Milakov & Gimelshein, "Online normalizer calculation for softmax", 2018.
// Reference: test/reference/reductions.ts, logSumExp

struct Sizes {
	outer: u32,
	length: u32,
	inner: u32,
	splits: u32,
}

override ROWS: u32;
override LANES: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

var<workgroup> maxima: array<f32, 64>;
var<workgroup> sums: array<f32, 64>;

const lowest = -3.4e38;

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

// exp(x), and NaN for NaN: on some adapters exp(NaN) is infinity.
fn expOrNan(x: f32) -> f32 { return select(exp(x), x, isNan(x)); }

@compute @workgroup_size(ROWS, LANES)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_id) local: vec3<u32>,
) {
	let results = sizes.outer * sizes.inner;
	let index = (group.y * groups.x + group.x) * ROWS + local.x;
	let split = index / results;
	let k = index % results;
	let inside = split < sizes.splits;
	let base = k / sizes.inner * sizes.length * sizes.inner + k % sizes.inner;
	let part = (sizes.length + sizes.splits - 1u) / sizes.splits;
	let end = select(0u, min((split + 1u) * part, sizes.length), inside);
	var largest = lowest;
	var total = 0.0;
	for (var j = split * part + local.y; j < end; j += LANES) {
		let value = x[base + j * sizes.inner];
		// ∞ is not subtracted from itself.
		let larger = clamp(max(largest, value), lowest, -lowest);
		total = total * exp(largest - larger) + expOrNan(value - larger);
		largest = larger;
	}
	if (LANES > 1u) {
		let at = local.y * ROWS + local.x;
		maxima[at] = largest;
		sums[at] = total;
		for (var half = LANES / 2u; half > 0u; half /= 2u) {
			workgroupBarrier();
			if (local.y < half) {
				let other = at + half * ROWS;
				let larger = max(maxima[at], maxima[other]);
				sums[at] = sums[at] * exp(maxima[at] - larger) + sums[other] * exp(maxima[other] - larger);
				maxima[at] = larger;
			}
		}
		largest = maxima[local.x];
		total = sums[local.x];
	}
	if (!inside || local.y > 0u) { return; }
	// The logarithm of NaN is finite on some adapters.
	y[index] = select(log(total) + largest, total, isNan(total));
}
