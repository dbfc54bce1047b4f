// index[n] = argmin_k ‖z_n − e_k‖² = argmin_k (½‖e_k‖² − z_n·e_k), the lowest k among equals
//
// z           float32 [blocks, plane, dimensions, 16], blocked; a matrix [N, dimensions] is N images of one
//             pixel
// transposed  float32 [paddedCodes / (4 · SUBGROUP), dimensions rounded up to 2, 4 · SUBGROUP], −e, from
//             nearest_code_prepare.wgsl
// halfNorm    float32 [paddedCodes], ½‖e‖², likewise; paddedCodes is a multiple of 4 · SUBGROUP
// index       uint32 [images, plane]. Bit 31 is set if rounding could have hidden a nearer code, for
//             nearest_code_direct.blocked.wgsl
// sizes       first: the number of z's first image in index
// slice       the workgroups of this dispatch
//
// For adapters on which a subgroup is cheap and a load of one word for each lane is expensive (lavapipe,
// SwiftShader). A workgroup is one subgroup of SUBGROUP lanes (4, or 8 and more) and has 16 rows: one pixel
// of 16 images. It reads the codes 4 · SUBGROUP at a time, 4 neighbouring codes for each lane: for two
// dimensions a lane loads 2 · 4 values of its codes, and the subgroup the 2 · 16 values of the rows, which
// it then broadcasts. The distances stay in registers. A lane keeps the best of its own codes, which it
// reads in ascending order. At the end the subgroup takes the smallest distance of each row, and the lowest
// of the codes at that distance. The bound on rounding is that of nearest_code.wgsl. Needs the feature
// subgroups, and subgroups of exactly SUBGROUP lanes.
// Reference: test/reference/nearest_code.ts, nearestCode

enable subgroups;

override SUBGROUP: u32;

struct Sizes {
	images: u32,
	first: u32,
	dimensions: u32,
	plane: u32,
	paddedCodes: u32,
}

struct Slice { first: u32, end: u32 }

@group(0) @binding(0) var<storage, read> z: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> transposed: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> halfNorm: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> index: array<u32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;
@group(0) @binding(5) var<uniform> slice: Slice;

// The best of 4 rows so far, and the distance of the second best.
struct Best { distance: vec4<f32>, second: vec4<f32>, code: vec4<u32> }

fn closer(best: Best, distance: vec4<f32>, code: u32) -> Best {
	let is = distance < best.distance;
	return Best(
		select(best.distance, distance, is),
		select(select(best.second, distance, distance < best.second), best.distance, is),
		select(best.code, vec4(code), is),
	);
}

// The lowest of the codes at the smallest distance in the subgroup, for 4 rows. Bit 31 is set if another
// code is farther by at most `bound`, or if the bound is not finite.
fn lowest(best: Best, bound: f32) -> vec4<u32> {
	let smallest = subgroupMin(best.distance);
	let code = subgroupMin(select(vec4(0x7fffffffu), best.code, best.distance == smallest));
	let next = subgroupMin(select(best.distance, best.second, best.code == code));
	let undecided = (next - smallest <= vec4(bound)) | vec4(bitcast<u32>(bound) >= 0x7149f2cau);
	return code | select(vec4(0u), vec4(0x80000000u), undecided);
}

fn store(image: u32, pixel: u32, codes: vec4<u32>) {
	let at = image * sizes.plane + pixel;
	if (image < sizes.images) { index[at] = codes.x; }
	if (image + 1u < sizes.images) { index[at + sizes.plane] = codes.y; }
	if (image + 2u < sizes.images) { index[at + 2u * sizes.plane] = codes.z; }
	if (image + 3u < sizes.images) { index[at + 3u * sizes.plane] = codes.w; }
}

@compute @workgroup_size(SUBGROUP)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = slice.first + group.y * groups.x + group.x;
	if (workgroup >= slice.end) { return; }
	let codeVectors = sizes.paddedCodes / 4u;
	let paddedDimensions = (sizes.dimensions + 1u) / 2u * 2u;
	let block = workgroup / sizes.plane;
	let pixel = workgroup % sizes.plane;
	let base = workgroup * sizes.dimensions * 4u + (lane & 3u);
	let second = (lane / 4u) & 1u;
	let far = vec4(3.4e38);
	var bestA = Best(far, far, vec4(0u));
	var bestB = bestA;
	var bestC = bestA;
	var bestD = bestA;
	for (var first = 0u; first < codeVectors; first += SUBGROUP) {
		let norm = halfNorm[first + lane];
		var a0 = norm.xxxx;
		var a1 = norm.yyyy;
		var a2 = norm.zzzz;
		var a3 = norm.wwww;
		var b0 = norm.xxxx;
		var b1 = norm.yyyy;
		var b2 = norm.zzzz;
		var b3 = norm.wwww;
		var c0 = norm.xxxx;
		var c1 = norm.yyyy;
		var c2 = norm.zzzz;
		var c3 = norm.wwww;
		var d0 = norm.xxxx;
		var d1 = norm.yyyy;
		var d2 = norm.zzzz;
		var d3 = norm.wwww;
		var column = first * paddedDimensions + lane;
		for (var d = 0u; d < sizes.dimensions; d += 2u) {
			let last = min(d + 1u, sizes.dimensions - 1u);
			var values: vec4<f32>;
			var ta: vec4<f32>;
			var tb: vec4<f32>;
			var tc: vec4<f32>;
			var td: vec4<f32>;
			if (SUBGROUP == 4u) {
				values = z[base + d * 4u];
				let others = z[base + last * 4u];
				ta = subgroupBroadcast(others, 0u);
				tb = subgroupBroadcast(others, 1u);
				tc = subgroupBroadcast(others, 2u);
				td = subgroupBroadcast(others, 3u);
			} else {
				values = z[base + select(d, last, second == 1u) * 4u];
				ta = subgroupBroadcast(values, 4u);
				tb = subgroupBroadcast(values, 5u);
				tc = subgroupBroadcast(values, 6u);
				td = subgroupBroadcast(values, 7u);
			}
			let e = transposed[column];
			let f = transposed[column + SUBGROUP];
			let sa = subgroupBroadcast(values, 0u);
			a0 = fma(f.xxxx, ta, fma(e.xxxx, sa, a0));
			a1 = fma(f.yyyy, ta, fma(e.yyyy, sa, a1));
			a2 = fma(f.zzzz, ta, fma(e.zzzz, sa, a2));
			a3 = fma(f.wwww, ta, fma(e.wwww, sa, a3));
			let sb = subgroupBroadcast(values, 1u);
			b0 = fma(f.xxxx, tb, fma(e.xxxx, sb, b0));
			b1 = fma(f.yyyy, tb, fma(e.yyyy, sb, b1));
			b2 = fma(f.zzzz, tb, fma(e.zzzz, sb, b2));
			b3 = fma(f.wwww, tb, fma(e.wwww, sb, b3));
			let sc = subgroupBroadcast(values, 2u);
			c0 = fma(f.xxxx, tc, fma(e.xxxx, sc, c0));
			c1 = fma(f.yyyy, tc, fma(e.yyyy, sc, c1));
			c2 = fma(f.zzzz, tc, fma(e.zzzz, sc, c2));
			c3 = fma(f.wwww, tc, fma(e.wwww, sc, c3));
			let sd = subgroupBroadcast(values, 3u);
			d0 = fma(f.xxxx, td, fma(e.xxxx, sd, d0));
			d1 = fma(f.yyyy, td, fma(e.yyyy, sd, d1));
			d2 = fma(f.zzzz, td, fma(e.zzzz, sd, d2));
			d3 = fma(f.wwww, td, fma(e.wwww, sd, d3));
			column += 2u * SUBGROUP;
		}
		let code = (first + lane) * 4u;
		bestA = closer(bestA, a0, code + 0u);
		bestA = closer(bestA, a1, code + 1u);
		bestA = closer(bestA, a2, code + 2u);
		bestA = closer(bestA, a3, code + 3u);
		bestB = closer(bestB, b0, code + 0u);
		bestB = closer(bestB, b1, code + 1u);
		bestB = closer(bestB, b2, code + 2u);
		bestB = closer(bestB, b3, code + 3u);
		bestC = closer(bestC, c0, code + 0u);
		bestC = closer(bestC, c1, code + 1u);
		bestC = closer(bestC, c2, code + 2u);
		bestC = closer(bestC, c3, code + 3u);
		bestD = closer(bestD, d0, code + 0u);
		bestD = closer(bestD, d1, code + 1u);
		bestD = closer(bestD, d2, code + 2u);
		bestD = closer(bestD, d3, code + 3u);
	}
	// Whether rounding could have hidden a nearer code, as in nearest_code.wgsl: one bound for the 16 rows.
	// Lengths are compared as integers: ∞ and NaN are the largest.
	var length = vec4(0.0);
	for (var d = second; d < sizes.dimensions; d += 2u) { length = fma(z[base + d * 4u], z[base + d * 4u], length); }
	if (SUBGROUP == 4u) {
		for (var d = 1u; d < sizes.dimensions; d += 2u) { length = fma(z[base + d * 4u], z[base + d * 4u], length); }
	}
	if (SUBGROUP > 4u) { length += subgroupShuffleXor(length, 4u); }
	var norm = vec4(0u);
	for (var v = lane; v < codeVectors; v += SUBGROUP) {
		let half = halfNorm[v];
		norm = max(norm, select(bitcast<vec4<u32>>(half), vec4(0u), half == vec4(3.4e38)));
	}
	let lengths = bitcast<vec4<u32>>(length);
	let most = subgroupMax(vec2(max(max(lengths.x, lengths.y), max(lengths.z, lengths.w)), max(max(norm.x, norm.y), max(norm.z, norm.w))));
	let squares = bitcast<vec2<f32>>(most);
	let bound = (f32(sizes.dimensions) + 2.0) * 2.3841858e-7 * (sqrt(squares.x) * sqrt(2.0 * squares.y) + squares.y);
	let codesA = lowest(bestA, bound);
	let codesB = lowest(bestB, bound);
	let codesC = lowest(bestC, bound);
	let codesD = lowest(bestD, bound);
	if (lane == 0u) {
		let image = sizes.first + block * 16u;
		store(image, pixel, codesA);
		store(image + 4u, pixel, codesB);
		store(image + 8u, pixel, codesC);
		store(image + 12u, pixel, codesD);
	}
}
