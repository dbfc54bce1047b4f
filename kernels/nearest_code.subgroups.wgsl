// The nearest code of each row as in nearest_code.wgsl, for adapters where a subgroup is cheap and workgroup memory and
// barriers are not (lavapipe, SwiftShader).
//
// z           float32 [⌈rows / 16⌉, dimensions, 16], from pack_rows.wgsl (negated)
// transposed  float32 [dimensions, paddedCodes], from nearest_code_prepare.wgsl
// halfNorm    float32 [paddedCodes], likewise; paddedCodes is a multiple of 4 · SUBGROUP
// index       uint32 [rows]
//
// A workgroup is one subgroup of SUBGROUP lanes (4 or more) and has 16 rows. It goes through the codes 4 · SUBGROUP at a
// time, 4 neighbouring codes a lane: for each dimension a lane loads the 4 values of its codes and 4 of the 16 values of
// the rows, which the subgroup then hands round by subgroupBroadcast; the distances stay in registers. A lane keeps the
// best of its own codes, which come in ascending order; at the end the subgroup takes the smallest distance of each row,
// and of the codes at that distance the lowest: ties go to the lowest index. Needs the feature subgroups, and a subgroup
// of just SUBGROUP lanes.

enable subgroups;

override SUBGROUP: u32;

struct Sizes {
	rows: u32,
	dimensions: u32,
	paddedCodes: u32,
}

struct Slice { first: u32, end: u32 }

@group(0) @binding(0) var<storage, read> z: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> transposed: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> halfNorm: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> index: array<u32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;
@group(0) @binding(5) var<uniform> slice: Slice;

// The best of 4 rows so far.
struct Best { distance: vec4<f32>, code: vec4<u32> }

fn closer(best: Best, distance: vec4<f32>, code: u32) -> Best {
	let is = distance < best.distance;
	return Best(select(best.distance, distance, is), select(best.code, vec4(code), is));
}

// The lowest of the codes at the smallest distance in the subgroup, for 4 rows.
fn lowest(best: Best) -> vec4<u32> {
	let smallest = subgroupMin(best.distance);
	return subgroupMin(select(vec4(0xffffffffu), best.code, best.distance == smallest));
}

fn store(row: u32, codes: vec4<u32>) {
	if (row < sizes.rows) { index[row] = codes.x; }
	if (row + 1u < sizes.rows) { index[row + 1u] = codes.y; }
	if (row + 2u < sizes.rows) { index[row + 2u] = codes.z; }
	if (row + 3u < sizes.rows) { index[row + 3u] = codes.w; }
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
	var bestA = Best(vec4(3.4e38), vec4(0xffffffffu));
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
		var row = workgroup * sizes.dimensions * 4u + (lane & 3u);
		var column = first + lane;
		for (var d = 0u; d < sizes.dimensions; d++) {
			let e = transposed[column];
			let values = z[row];
			let za = subgroupBroadcast(values, 0u);
			a0 = fma(za, e.xxxx, a0);
			a1 = fma(za, e.yyyy, a1);
			a2 = fma(za, e.zzzz, a2);
			a3 = fma(za, e.wwww, a3);
			let zb = subgroupBroadcast(values, 1u);
			b0 = fma(zb, e.xxxx, b0);
			b1 = fma(zb, e.yyyy, b1);
			b2 = fma(zb, e.zzzz, b2);
			b3 = fma(zb, e.wwww, b3);
			let zc = subgroupBroadcast(values, 2u);
			c0 = fma(zc, e.xxxx, c0);
			c1 = fma(zc, e.yyyy, c1);
			c2 = fma(zc, e.zzzz, c2);
			c3 = fma(zc, e.wwww, c3);
			let zd = subgroupBroadcast(values, 3u);
			d0 = fma(zd, e.xxxx, d0);
			d1 = fma(zd, e.yyyy, d1);
			d2 = fma(zd, e.zzzz, d2);
			d3 = fma(zd, e.wwww, d3);
			row += 4u;
			column += codeVectors;
		}
		let code = (first + lane) * 4u;
		bestA = closer(bestA, a0, code);
		bestA = closer(bestA, a1, code + 1u);
		bestA = closer(bestA, a2, code + 2u);
		bestA = closer(bestA, a3, code + 3u);
		bestB = closer(bestB, b0, code);
		bestB = closer(bestB, b1, code + 1u);
		bestB = closer(bestB, b2, code + 2u);
		bestB = closer(bestB, b3, code + 3u);
		bestC = closer(bestC, c0, code);
		bestC = closer(bestC, c1, code + 1u);
		bestC = closer(bestC, c2, code + 2u);
		bestC = closer(bestC, c3, code + 3u);
		bestD = closer(bestD, d0, code);
		bestD = closer(bestD, d1, code + 1u);
		bestD = closer(bestD, d2, code + 2u);
		bestD = closer(bestD, d3, code + 3u);
	}
	let codesA = lowest(bestA);
	let codesB = lowest(bestB);
	let codesC = lowest(bestC);
	let codesD = lowest(bestD);
	if (lane == 0u) {
		store(workgroup * 16u, codesA);
		store(workgroup * 16u + 4u, codesB);
		store(workgroup * 16u + 8u, codesC);
		store(workgroup * 16u + 12u, codesD);
	}
}
