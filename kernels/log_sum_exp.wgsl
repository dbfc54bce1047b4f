// y[s, o, i] = log Σ exp(x[o, j, i]) over the j of split s, without overflow
//
// x       float32 [outer, length, inner], as vectors of 4; read if WIDTH is 4
// xWords  the same buffer as words; read if WIDTH is 1
// y       float32 [splits, outer, inner]; if splits > 1 a second launch adds them, by the same formula
// sizes   the lengths of the axes, splits. With WIDTH 4 the length is counted in vectors, and inner is 1
//
// LANES neighbouring invocations compute one result: their maximum, then the sum of exponentials, for which they read the
// row again from the cache. They combine theirs in workgroup memory. NaN in, NaN out. No features, default limits.
// Reference: test/reference/reductions.ts, logSumExp

struct Sizes {
	outer: u32,
	length: u32,
	inner: u32,
	splits: u32,
}

override LANES: u32;
override WIDTH: u32;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xWords: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

var<workgroup> shared_: array<f32, 64>;

const lowest = -3.4e38;

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: vec4<f32>) -> vec4<bool> { return (bitcast<vec4<u32>>(x) & vec4(0x7fffffffu)) > vec4(0x7f800000u); }

// exp(x), and NaN for NaN: on some adapters exp(NaN) is infinity.
fn expOrNan(x: vec4<f32>) -> vec4<f32> { return select(exp(x), x, isNan(x)); }

@compute @workgroup_size(64)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) local: u32,
) {
	let lane = local % LANES;
	let results = sizes.outer * sizes.inner;
	let index = (group.y * groups.x + group.x) * (64u / LANES) + local / LANES;
	let split = index / results;
	let k = index % results;
	let inside = split < sizes.splits;
	let base = k / sizes.inner * sizes.length * sizes.inner + k % sizes.inner;
	let part = (sizes.length + sizes.splits - 1u) / sizes.splits;
	let end = select(0u, min((split + 1u) * part, sizes.length), inside);
	let first = split * part + lane;

	var maxima = vec4(lowest);
	for (var j = first; j < end; j += LANES) {
		if (WIDTH == 4u) { maxima = max(maxima, x[base + j]); }
		else { maxima.x = max(maxima.x, xWords[base + j * sizes.inner]); }
	}
	var largest = max(max(maxima.x, maxima.y), max(maxima.z, maxima.w));
	if (LANES > 1u) {
		shared_[local] = largest;
		for (var half = LANES / 2u; half > 0u; half /= 2u) {
			workgroupBarrier();
			if (lane < half) { shared_[local] = max(shared_[local], shared_[local + half]); }
		}
		workgroupBarrier();
		largest = shared_[local - lane];
		workgroupBarrier();
	}
	// ∞ is not subtracted from itself.
	largest = min(largest, -lowest);

	var sums = vec4(0.0);
	for (var j = first; j < end; j += LANES) {
		if (WIDTH == 4u) { sums += expOrNan(x[base + j] - vec4(largest)); }
		else { sums.x += expOrNan(vec4(xWords[base + j * sizes.inner] - largest)).x; }
	}
	var total = (sums.x + sums.y) + (sums.z + sums.w);
	if (LANES > 1u) {
		shared_[local] = total;
		for (var half = LANES / 2u; half > 0u; half /= 2u) {
			workgroupBarrier();
			if (lane < half) { shared_[local] += shared_[local + half]; }
		}
		total = shared_[local];
	}
	if (!inside || lane > 0u) { return; }
	// The logarithms of NaN and of 0 are finite on some adapters.
	let logTotal = select(log(total), -1.0 / abs(total), total == 0.0);
	y[index] = select(logTotal + largest, total, isNan(vec4(total)).x);
}
