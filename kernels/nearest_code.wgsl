// index[n] = argmin_k ‖z_n − e_k‖² = argmin_k (½‖e_k‖² − z_n·e_k), the lowest k among equals
//
// z           float32 [N / inner, dimensions, inner]: with inner 1 a matrix [N, dimensions], with inner H·W an NCHW tensor
// transposed  float32 [⌈codes / 8⌉, dimensions, 8], from nearest_code_prepare.wgsl, negated
// halfNorm    float32 [codes rounded up to 8], likewise
// index       uint32 [N]
//
// Fused: the distances never leave the registers (cf. fusedL2NN in RAPIDS cuVS). An invocation has 4 rows and goes through
// the codes 8 at a time, accumulating from ½‖e‖² downwards; the codes come in ascending order and only a smaller distance
// replaces the best, so ties go to the lowest index. The 64 invocations of a workgroup hold neighbouring rows and read the
// same codes. No features, default limits.

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

struct Best { distance: f32, code: u32 }

fn firstElement(n: u32) -> u32 {
	return n / sizes.inner * sizes.dimensions * sizes.inner + n % sizes.inner;
}

fn closer(best: Best, distance: f32, code: u32) -> Best {
	let is = distance < best.distance;
	return Best(select(best.distance, distance, is), select(best.code, code, is));
}

fn closest(best: Best, low: vec4<f32>, high: vec4<f32>, code: u32) -> Best {
	var b = closer(best, low.x, code);
	b = closer(b, low.y, code + 1u);
	b = closer(b, low.z, code + 2u);
	b = closer(b, low.w, code + 3u);
	b = closer(b, high.x, code + 4u);
	b = closer(b, high.y, code + 5u);
	b = closer(b, high.z, code + 6u);
	return closer(b, high.w, code + 7u);
}

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
	var best0 = Best(3.4e38, 0u);
	var best1 = best0;
	var best2 = best0;
	var best3 = best0;
	for (var block = 0u; block < codeBlocks; block++) {
		let normLow = halfNorm[block * 2u];
		let normHigh = halfNorm[block * 2u + 1u];
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
		best0 = closest(best0, low0, high0, block * 8u);
		best1 = closest(best1, low1, high1, block * 8u);
		best2 = closest(best2, low2, high2, block * 8u);
		best3 = closest(best3, low3, high3, block * 8u);
	}
	if (n < sizes.rows) { index[n] = best0.code; }
	if (n + 64u < sizes.rows) { index[n + 64u] = best1.code; }
	if (n + 128u < sizes.rows) { index[n + 128u] = best2.code; }
	if (n + 192u < sizes.rows) { index[n + 192u] = best3.code; }
}
