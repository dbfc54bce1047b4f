// index[n] = argmin_k ‖z_n − e_k‖² = argmin_k (½‖e_k‖² − z_n·e_k), the lowest k among equals
//
// z           float32 [N / inner, dimensions, inner]: [N, dimensions] with inner 1, NCHW with inner H·W
// transposed  float32 [⌈codes / 8⌉, dimensions, 8], −e, from nearest_code_prepare.wgsl
// halfNorm    float32 [codes rounded up to 8], ½‖e‖², likewise
// index       uint32 [N]; bit 31 is set if rounding could have hidden a nearer code, for
//             nearest_code_direct.wgsl
// sizes       inner: positions of an image
// slice       the workgroups of this dispatch
//
// Rounding: a sum of D products and ½‖e‖² is off by at most (D + 1) 2⁻²⁴ (½‖e‖² + Σ|z e|), and ½‖e‖² by D
// 2⁻²⁴ of itself. With Σ|z e| ≤ √D max|z| ‖e‖ and the longest code, two of them are in the right order if
// they differ by more than the bound in `decided`. If that bound is not finite, or near the largest float,
// no row is decided.
//
// Fused: the distances stay in registers. An invocation has 4 rows and reads the codes 8 at a time,
// accumulating from ½‖e‖² downwards. The codes are read in ascending order and only a smaller distance
// replaces the best, so the lowest index wins among equals. The 64 invocations of a workgroup have
// neighbouring rows and read the same codes. No features, default limits.
// Source: compare fusedL2NN in RAPIDS cuVS.
// Reference: test/reference/nearest_code.ts, nearestCode

struct Sizes {
	rows: u32,
	dimensions: u32,
	inner: u32,
	codes: u32,
}

struct Slice { first: u32, end: u32 }

@group(0) @binding(0) var<storage, read> z: array<f32>;
@group(0) @binding(1) var<storage, read> transposed: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> halfNorm: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> index: array<u32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;
@group(0) @binding(5) var<uniform> slice: Slice;

// The distances of the 4 neighbouring codes of which one is the best so far, the smallest of them, the
// first of these codes, and the smallest distance of all other codes.
struct Best { distances: vec4<f32>, smallest: f32, code: u32, others: f32 }

fn firstElement(n: u32) -> u32 {
	return n / sizes.inner * sizes.dimensions * sizes.inner + n % sizes.inner;
}

fn closer(best: Best, distances: vec4<f32>, code: u32) -> Best {
	let smallest = min(min(distances.x, distances.y), min(distances.z, distances.w));
	let is = smallest < best.smallest;
	return Best(
		select(best.distances, distances, is),
		min(best.smallest, smallest),
		select(best.code, code, is),
		min(best.others, max(best.smallest, smallest)),
	);
}

// The code, with bit 31 set if the second best is not farther by more than rounding. Magnitudes are given
// as bits, which compare as integers: ∞ and NaN are the largest.
fn decided(best: Best, squaredLength: f32, halfNorm: f32) -> u32 {
	let d = best.distances;
	let place = select(select(select(3u, 2u, d.z == best.smallest), 1u, d.y == best.smallest), 0u, d.x == best.smallest);
	let second = min(best.others, min(max(min(d.x, d.y), min(d.z, d.w)), min(max(d.x, d.y), max(d.z, d.w))));
	let bound = (f32(sizes.dimensions) + 2.0) * 2.3841858e-7 * (sqrt(squaredLength) * sqrt(2.0 * halfNorm) + halfNorm);
	let undecided = bitcast<u32>(bound) >= 0x7149f2cau || second - best.smallest <= bound;
	return (best.code + place) | select(0u, 0x80000000u, undecided);
}

fn magnitudes(x: vec4<f32>) -> vec4<u32> { return bitcast<vec4<u32>>(x) & vec4(0x7fffffffu); }

@compute @workgroup_size(64)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = slice.first + group.y * groups.x + group.x;
	if (workgroup >= slice.end) { return; }
	let codeBlocks = (sizes.codes + 7u) / 8u;
	let n = workgroup * 256u + lane;
	let z0 = firstElement(min(n, sizes.rows - 1u));
	let z1 = firstElement(min(n + 64u, sizes.rows - 1u));
	let z2 = firstElement(min(n + 128u, sizes.rows - 1u));
	let z3 = firstElement(min(n + 192u, sizes.rows - 1u));
	var length = vec4(0.0);
	var norms = vec4(0u);
	var best0 = Best(vec4(3.4e38), 3.4e38, 0u, 3.4e38);
	var best1 = best0;
	var best2 = best0;
	var best3 = best0;
	for (var block = 0u; block < codeBlocks; block++) {
		let normLow = halfNorm[block * 2u];
		let normHigh = halfNorm[block * 2u + 1u];
		norms = max(norms, select(magnitudes(normLow), vec4(0u), normLow == vec4(3.4e38)));
		norms = max(norms, select(magnitudes(normHigh), vec4(0u), normHigh == vec4(3.4e38)));
		var low0 = normLow;
		var low1 = normLow;
		var low2 = normLow;
		var low3 = normLow;
		var high0 = normHigh;
		var high1 = normHigh;
		var high2 = normHigh;
		var high3 = normHigh;
		for (var d = 0u; d < sizes.dimensions; d++) {
			let eLow = transposed[(block * sizes.dimensions + d) * 2u];
			let eHigh = transposed[(block * sizes.dimensions + d) * 2u + 1u];
			let a0 = vec4(z[z0 + d * sizes.inner]);
			let a1 = vec4(z[z1 + d * sizes.inner]);
			let a2 = vec4(z[z2 + d * sizes.inner]);
			let a3 = vec4(z[z3 + d * sizes.inner]);
			low0 = fma(a0, eLow, low0);
			low1 = fma(a1, eLow, low1);
			low2 = fma(a2, eLow, low2);
			low3 = fma(a3, eLow, low3);
			high0 = fma(a0, eHigh, high0);
			high1 = fma(a1, eHigh, high1);
			high2 = fma(a2, eHigh, high2);
			high3 = fma(a3, eHigh, high3);
		}
		best0 = closer(closer(best0, low0, block * 8u), high0, block * 8u + 4u);
		best1 = closer(closer(best1, low1, block * 8u), high1, block * 8u + 4u);
		best2 = closer(closer(best2, low2, block * 8u), high2, block * 8u + 4u);
		best3 = closer(closer(best3, low3, block * 8u), high3, block * 8u + 4u);
	}
	for (var d = 0u; d < sizes.dimensions; d++) {
		let values = vec4(z[z0 + d * sizes.inner], z[z1 + d * sizes.inner], z[z2 + d * sizes.inner], z[z3 + d * sizes.inner]);
		length = fma(values, values, length);
	}
	let norm = bitcast<f32>(max(max(norms.x, norms.y), max(norms.z, norms.w)));
	if (n < sizes.rows) { index[n] = decided(best0, length.x, norm); }
	if (n + 64u < sizes.rows) { index[n + 64u] = decided(best1, length.y, norm); }
	if (n + 128u < sizes.rows) { index[n + 128u] = decided(best2, length.z, norm); }
	if (n + 192u < sizes.rows) { index[n + 192u] = decided(best3, length.w, norm); }
}
