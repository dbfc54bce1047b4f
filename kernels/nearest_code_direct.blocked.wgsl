// index[n] = argmin_k Σ_d (z[n, d] − e[k, d])², the lowest k among equals, for the rows that
// nearest_code.blocked.wgsl has left undecided (bit 31 of their index is set); the others stay
//
// z           float32, contiguous or blocked; element d of the row of an image and a pixel is at image / 16
//             · zBlock + image % 16 · zImage + pixel · zPixel + d · zDimension
// transposed  float32 [paddedCodes / (4 · SUBGROUP), paddedDimensions, 4 · SUBGROUP], −e, from
//             nearest_code_prepare.wgsl
// index       uint32 [images, plane]
// sizes       zBlock, zImage, zPixel, zDimension: strides of z
// slice       the workgroups of this dispatch
//
// For adapters on which a subgroup is cheap and a barrier is not (lavapipe, SwiftShader). A workgroup is one
// subgroup of SUBGROUP lanes. It has 128 rows and computes the undecided ones one by one; a lane has 4
// neighbouring codes of each 4 · SUBGROUP. Most workgroups have none and end at once. Needs the feature
// subgroups, and subgroups of exactly SUBGROUP lanes.
// Reference: test/reference/nearest_code.ts, nearestCode

enable subgroups;
// A workgroup is one subgroup, so the results of subgroup operations are uniform; the compiler cannot know
// that.
diagnostic(off, subgroup_uniformity);

override SUBGROUP: u32;

struct Sizes {
	rows: u32,
	dimensions: u32,
	plane: u32,
	codes: u32,
	paddedDimensions: u32,
	zBlock: u32,
	zImage: u32,
	zPixel: u32,
	zDimension: u32,
}

struct Slice { first: u32, end: u32 }

@group(0) @binding(0) var<storage, read> z: array<f32>;
@group(0) @binding(1) var<storage, read> transposed: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> index: array<u32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;
@group(0) @binding(4) var<uniform> slice: Slice;

const infinite = 0x7f800001u;

// Squared distances as integers in the same order, with NaN before all others.
fn keysOf(squares: vec4<f32>) -> vec4<u32> {
	let bits = bitcast<vec4<u32>>(squares) & vec4(0x7fffffffu);
	return select(bits + 1u, vec4(0u), bits > vec4(0x7f800000u));
}

// The smallest key of row n, and its code.
fn nearestOf(n: u32, lane: u32, factor: f32) -> vec2<u32> {
	let image = n / sizes.plane;
	let row = image / 16u * sizes.zBlock + image % 16u * sizes.zImage + n % sizes.plane * sizes.zPixel;
	var bestKey = vec4(0xffffffffu);
	var bestCode = vec4(0u);
	for (var first = 0u; first < sizes.codes; first += 4u * SUBGROUP) {
		let column = first / 4u * sizes.paddedDimensions + lane;
		var squares = vec4(0.0);
		for (var d = 0u; d < sizes.dimensions; d++) {
			let difference = factor * z[row + d * sizes.zDimension] + factor * transposed[column + d * SUBGROUP];
			squares = fma(difference, difference, squares);
		}
		let code = first + 4u * lane + vec4(0u, 1u, 2u, 3u);
		let key = keysOf(squares);
		let is = (key < bestKey) & (code < vec4(sizes.codes));
		bestKey = select(bestKey, key, is);
		bestCode = select(bestCode, code, is);
	}
	let smallest = subgroupMin(min(min(bestKey.x, bestKey.y), min(bestKey.z, bestKey.w)));
	let codes = select(vec4(0xffffffffu), bestCode, bestKey == vec4(smallest));
	return vec2(smallest, subgroupMin(min(min(codes.x, codes.y), min(codes.z, codes.w))));
}

@compute @workgroup_size(SUBGROUP)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = slice.first + group.y * groups.x + group.x;
	if (workgroup >= slice.end) { return; }
	let end = min(workgroup * 128u + 128u, sizes.rows);
	var any = 0u;
	for (var row = workgroup * 128u + lane; row < end; row += 4u * SUBGROUP) {
		let rows = min(row + vec4(0u, 1u, 2u, 3u) * SUBGROUP, vec4(end - 1u));
		any |= index[rows.x] | index[rows.y] | index[rows.z] | index[rows.w];
	}
	if (subgroupOr(any) < 0x80000000u) { return; }
	for (var first = workgroup * 128u; first < end; first += SUBGROUP) {
		let undecided = subgroupBallot(first + lane < end && index[min(first + lane, end - 1u)] >= 0x80000000u);
		for (var l = 0u; l < SUBGROUP; l++) {
			if (((undecided[l / 32u] >> (l % 32u)) & 1u) == 0u) { continue; }
			var best = nearestOf(first + l, lane, 1.0);
			if (best.x == infinite) { best = nearestOf(first + l, lane, 8.271806125530277e-25); }
			if (lane == 0u) { index[first + l] = best.y; }
		}
	}
}
