// index[n] = argmin_k Σ_d (z[n, d] − e[k, d])², the lowest k among equals, for the rows that
// nearest_code.wgsl or its tiled variant has left undecided (bit 31 of their index is set); the others stay
//
// z           float32 [N / inner, dimensions, inner], as in nearest_code.wgsl
// transposed  float32 [⌈codes / 8⌉, dimensions, 8], −e, from nearest_code_prepare.wgsl
// index       uint32 [N]
// sizes       inner: positions of an image
// slice       the workgroups of this dispatch
//
// The difference is computed before it is squared, so no digits are lost far from the origin. A distance
// with NaN counts as the smallest, as in torch.argmin: a row with NaN gets code 0; of codes with NaN the
// first one is taken. If all distances are over the largest float, they are compared once more with the
// differences scaled by 2⁻⁸⁰.
//
// A workgroup has 64 rows and computes the undecided ones one by one, in any order; an invocation has every
// 64th group of 4 codes. Most workgroups have none and end at once. No features; 0.8 KiB of workgroup
// memory.
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
@group(0) @binding(2) var<storage, read_write> index: array<u32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;
@group(0) @binding(4) var<uniform> slice: Slice;

var<workgroup> found: atomic<u32>;
var<workgroup> count: u32;
var<workgroup> undecided: array<u32, 64>;
// The smallest key of each invocation, and the code that has it.
var<workgroup> nearest: array<vec2<u32>, 64>;

// Squared distances as integers in the same order, with NaN before all others.
fn keysOf(squares: vec4<f32>) -> vec4<u32> {
	let bits = bitcast<vec4<u32>>(squares) & vec4(0x7fffffffu);
	return select(bits + 1u, vec4(0u), bits > vec4(0x7f800000u));
}

const infinite = 0x7f800001u;

// The smallest of 4 keys, those of the codes from `first` on, and its code; or `best`, if none is smaller.
fn smaller(best: vec2<u32>, key: vec4<u32>, first: u32) -> vec2<u32> {
	var b = best;
	if (key.x < b.x) { b = vec2(key.x, first); }
	if (first + 1u < sizes.codes && key.y < b.x) { b = vec2(key.y, first + 1u); }
	if (first + 2u < sizes.codes && key.z < b.x) { b = vec2(key.z, first + 2u); }
	if (first + 3u < sizes.codes && key.w < b.x) { b = vec2(key.w, first + 3u); }
	return b;
}

// The smallest key of row n among the codes of this invocation, with its code.
fn nearestOf(n: u32, lane: u32, factor: f32) -> vec2<u32> {
	let first = n / sizes.inner * sizes.dimensions * sizes.inner + n % sizes.inner;
	var best = vec2(0xffffffffu, 0u);
	for (var quad = lane; 4u * quad < sizes.codes; quad += 64u) {
		let column = quad / 2u * sizes.dimensions * 2u + quad % 2u;
		var squares = vec4(0.0);
		for (var d = 0u; d < sizes.dimensions; d++) {
			let difference = factor * z[first + d * sizes.inner] + factor * transposed[column + 2u * d];
			squares = fma(difference, difference, squares);
		}
		best = smaller(best, keysOf(squares), 4u * quad);
	}
	return best;
}

@compute @workgroup_size(64)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = slice.first + group.y * groups.x + group.x;
	if (workgroup >= slice.end) { return; }
	let row = workgroup * 64u + lane;
	if (row < sizes.rows && index[row] >= 0x80000000u) { undecided[atomicAdd(&found, 1u)] = row; }
	workgroupBarrier();
	if (lane == 0u) { count = atomicLoad(&found); }
	let rows = workgroupUniformLoad(&count);
	for (var r = 0u; r < 2u * rows; r++) {
		// Twice for each row, the second time scaled, and only if all distances were infinite.
		let n = undecided[r / 2u];
		let scaled = r % 2u == 1u;
		if (!scaled) { nearest[lane] = nearestOf(n, lane, 1.0); }
		else if (index[n] >= 0x80000000u) { nearest[lane] = nearestOf(n, lane, 8.271806125530277e-25); }
		workgroupBarrier();
		if (lane == 0u && (!scaled || index[n] >= 0x80000000u)) {
			var best = nearest[0];
			for (var l = 1u; l < 64u; l++) {
				let other = nearest[l];
				if (other.x < best.x || (other.x == best.x && other.y < best.y)) { best = other; }
			}
			index[n] = best.y | select(0u, 0x80000000u, best.x == infinite && !scaled);
		}
		storageBarrier();
		workgroupBarrier();
	}
}
