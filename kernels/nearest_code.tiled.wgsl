// index[n] = argmin_k ‖z_n − e_k‖² = argmin_k (½‖e_k‖² − z_n·e_k), the lowest k among equals
//
// z, zQuads   float32 [N / inner, dimensions, inner], as in nearest_code.wgsl; one buffer, as words and as
//             vectors of 4
// transposed  float32 [⌈codes / 8⌉, dimensions, 8], −e, from nearest_code_prepare.wgsl
// halfNorm    float32 [codes rounded up to 8], ½‖e‖², likewise
// index       uint32 [N]; bit 31 is set if rounding could have hidden a nearer code, for
//             nearest_code_direct.wgsl
// sizes       inner: positions of an image; part: DEPTH, or fewer dimensions rounded up to a multiple of
//             4, as a uniform so that drivers do not unroll the loop
// slice       the workgroups of this dispatch
//
// The bound on rounding is that of nearest_code.wgsl.
//
// Fused: the distances stay in registers. A workgroup has 4·QUADS·LANES_Y vectors, and computes their
// distances to 4·QUADS·LANES_X codes at a time, as tiles of a matrix product (see matmul.tiled.wgsl) that
// begins with ½‖e‖². An invocation keeps, for each of its vectors, the smallest and the second smallest
// distance to the codes that it has seen. At the end the LANES_X candidates of a vector are compared by
// (distance, index) through workgroup memory.
//
// No features; 16 KiB of workgroup memory at most.
// Source: compare fusedL2NN in RAPIDS cuVS.
// Reference: test/reference/nearest_code.ts, nearestCode

override LANES_X: u32;
override LANES_Y: u32;
// Groups of 4 vectors and of 4 codes of an invocation: 1 or 2 of each.
override QUADS: u32;
// Dimensions that are in workgroup memory at a time.
override DEPTH: u32;
// How z is loaded: 0 word by word; 1 vectors along the dimensions; 2 vectors along the positions.
override Z_LOADS: u32;

override A_QUADS = QUADS * LANES_Y;
override B_QUADS = QUADS * LANES_X;
override A_BLOCKS = A_QUADS * DEPTH / 4u;
override B_BLOCKS = B_QUADS * DEPTH / 4u;
override B_START = DEPTH * A_QUADS;
override TILE_SIZE = max(DEPTH * (A_QUADS + B_QUADS), 4u * A_QUADS * LANES_X);

struct Sizes {
	rows: u32,
	dimensions: u32,
	inner: u32,
	codes: u32,
	part: u32,
}

struct Slice { first: u32, end: u32 }

@group(0) @binding(0) var<storage, read> z: array<f32>;
@group(0) @binding(1) var<storage, read> zQuads: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> transposed: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> halfNorm: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> index: array<u32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;
@group(0) @binding(6) var<uniform> slice: Slice;

// Of z: DEPTH × A_QUADS vectors of 4 rows. Of the codes, from B_START on: DEPTH × B_QUADS vectors of 4 codes.
// After the loop: the candidates of each row.
var<workgroup> tile: array<vec4<f32>, TILE_SIZE>;

// 4 rows or codes × 4 dimensions: a vector of rows or codes for each dimension.
struct Block { k0: vec4<f32>, k1: vec4<f32>, k2: vec4<f32>, k3: vec4<f32> }

fn storeBlock(at: u32, stride: u32, block: Block) {
	tile[at] = block.k0;
	tile[at + stride] = block.k1;
	tile[at + 2u * stride] = block.k2;
	tile[at + 3u * stride] = block.k3;
}

fn transposedBlock(x: vec4<f32>, y: vec4<f32>, z: vec4<f32>, w: vec4<f32>) -> Block {
	return Block(vec4(x.x, y.x, z.x, w.x), vec4(x.y, y.y, z.y, w.y), vec4(x.z, y.z, z.z, w.z), vec4(x.w, y.w, z.w, w.w));
}

// 0 for dimensions after the end.
fn padded(block: Block, k: u32, end: u32) -> Block {
	let none = vec4(0.0);
	return Block(
		select(none, block.k0, k < end),
		select(none, block.k1, k + 1u < end),
		select(none, block.k2, k + 2u < end),
		select(none, block.k3, k + 3u < end),
	);
}

fn firstElements(n: vec4<u32>) -> vec4<u32> {
	return n / sizes.inner * sizes.dimensions * sizes.inner + n % sizes.inner;
}

fn loadZ(at: vec4<u32>) -> vec4<f32> { return vec4(z[at.x], z[at.y], z[at.z], z[at.w]); }

// @param rows the first elements of 4 rows
fn readZ(rows: vec4<u32>, d: u32) -> Block {
	if (Z_LOADS == 1u) {
		let at = (rows + d) / 4u;
		return transposedBlock(zQuads[at.x], zQuads[at.y], zQuads[at.z], zQuads[at.w]);
	}
	if (Z_LOADS == 2u) {
		let at = (rows.x + (d + vec4(0u, 1u, 2u, 3u)) * sizes.inner) / 4u;
		return Block(zQuads[at.x], zQuads[at.y], zQuads[at.z], zQuads[at.w]);
	}
	let at = rows + d * sizes.inner;
	let step = sizes.inner;
	return Block(loadZ(at), loadZ(at + step), loadZ(at + 2u * step), loadZ(at + 3u * step));
}

// @param quad the number of 4 neighbouring codes; those after the end are 0
fn readCodes(quad: u32, d: u32) -> Block {
	let at = (quad / 2u * sizes.dimensions + d) * 2u + quad % 2u;
	return Block(transposed[at], transposed[at + 2u], transposed[at + 4u], transposed[at + 6u]);
}

// Of codes after the end. A row with larger distances is undecided.
const unreachable = 3.4e38;

fn halfNormsOf(quad: u32) -> vec4<f32> {
	return select(vec4(unreachable), halfNorm[quad], quad < (sizes.codes + 7u) / 8u * 2u);
}

// Magnitudes as bits, which compare as integers: ∞ and NaN are the largest.
fn magnitudes(x: vec4<f32>) -> vec4<u32> { return bitcast<vec4<u32>>(x) & vec4(0x7fffffffu); }

fn largest(norms: vec4<u32>, other: vec4<f32>) -> vec4<u32> {
	return max(norms, select(magnitudes(other), vec4(0u), other == vec4(unreachable)));
}

// The smallest distance so far, its code, and the second smallest distance.
struct Best { smallest: f32, code: u32, second: f32 }

fn closer(best: Best, distance: f32, code: u32) -> Best {
	let second = min(best.second, max(best.smallest, distance));
	return Best(min(best.smallest, distance), select(best.code, code, distance < best.smallest), second);
}

fn closest(best: Best, d: vec4<f32>, code: u32) -> Best {
	return closer(closer(closer(closer(best, d.x, code), d.y, code + 1u), d.z, code + 2u), d.w, code + 3u);
}

// Keeps a candidate of an invocation for a row.
fn storeCandidate(row: u32, x: u32, best: Best, norm: u32) {
	tile[row * LANES_X + x] = vec4(best.smallest, bitcast<f32>(best.code), best.second, bitcast<f32>(norm));
}

// The code of a row, with bit 31 set if the second best is not farther by more than rounding.
fn decided(row: u32, n: u32) -> u32 {
	var best = Best(unreachable, 0u, unreachable);
	var norm = 0u;
	for (var x = 0u; x < LANES_X; x++) {
		let other = tile[row * LANES_X + x];
		let code = bitcast<u32>(other.y);
		let nearer = other.x < best.smallest || (other.x == best.smallest && code < best.code);
		best = Best(
			min(best.smallest, other.x),
			select(best.code, code, nearer),
			min(min(best.second, other.z), max(best.smallest, other.x)),
		);
		norm = max(norm, bitcast<u32>(other.w));
	}
	var length = 0.0;
	let first = firstElements(vec4(n)).x;
	for (var d = 0u; d < sizes.dimensions; d++) {
		let value = z[first + d * sizes.inner];
		length = fma(value, value, length);
	}
	let half = bitcast<f32>(norm);
	let bound = (f32(sizes.dimensions) + 2.0) * 2.3841858e-7 * (sqrt(length) * sqrt(2.0 * half) + half);
	let undecided = bitcast<u32>(bound) >= 0x7149f2cau || best.second - best.smallest <= bound;
	return best.code | select(0u, 0x80000000u, undecided);
}

@compute @workgroup_size(LANES_X, LANES_Y)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
	@builtin(local_invocation_id) local: vec3<u32>,
) {
	let workgroup = slice.first + group.y * groups.x + group.x;
	if (workgroup >= slice.end) { return; }
	let firstRow = workgroup * 4u * A_QUADS;
	let depthTiles = (sizes.dimensions + DEPTH - 1u) / DEPTH;
	let codeTiles = (sizes.codes + 4u * B_QUADS - 1u) / (4u * B_QUADS);

	// The blocks of z and of the codes that this invocation copies.
	let aQuad = lane % A_QUADS;
	let aK = min(lane / A_QUADS * 4u, DEPTH - 4u);
	let rows = firstElements(min(firstRow + 4u * aQuad + vec4(0u, 1u, 2u, 3u), vec4(sizes.rows - 1u)));
	let bQuad = lane % B_QUADS;
	let bK = min(lane / B_QUADS * 4u, DEPTH - 4u);
	let endQuad = (sizes.codes + 7u) / 8u * 2u;
	var a = readZ(rows, aK);
	var b = readCodes(bQuad, bK);

	var norms = vec4(0u);
	var best0 = Best(unreachable, 0u, unreachable);
	var best1 = Best(unreachable, 0u, unreachable);
	var best2 = Best(unreachable, 0u, unreachable);
	var best3 = Best(unreachable, 0u, unreachable);
	var best4 = Best(unreachable, 0u, unreachable);
	var best5 = Best(unreachable, 0u, unreachable);
	var best6 = Best(unreachable, 0u, unreachable);
	var best7 = Best(unreachable, 0u, unreachable);
	var l0 = vec4(0.0);
	var r0 = vec4(0.0);
	var l1 = vec4(0.0);
	var r1 = vec4(0.0);
	var l2 = vec4(0.0);
	var r2 = vec4(0.0);
	var l3 = vec4(0.0);
	var r3 = vec4(0.0);
	var l4 = vec4(0.0);
	var r4 = vec4(0.0);
	var l5 = vec4(0.0);
	var r5 = vec4(0.0);
	var l6 = vec4(0.0);
	var r6 = vec4(0.0);
	var l7 = vec4(0.0);
	var r7 = vec4(0.0);
	for (var codeTile = 0u; codeTile < codeTiles; codeTile++) {
		let left = codeTile * B_QUADS + local.x;
		let right = left + LANES_X;
		let halfL = halfNormsOf(left);
		norms = largest(norms, halfL);
		l0 = halfL;
		l1 = halfL;
		l2 = halfL;
		l3 = halfL;
		if (QUADS > 1u) {
			let halfR = halfNormsOf(right);
			norms = largest(norms, halfR);
			l4 = halfL;
			l5 = halfL;
			l6 = halfL;
			l7 = halfL;
			r0 = halfR;
			r1 = halfR;
			r2 = halfR;
			r3 = halfR;
			r4 = halfR;
			r5 = halfR;
			r6 = halfR;
			r7 = halfR;
		}
		for (var depthTile = 0u; depthTile < depthTiles; depthTile++) {
			let first = depthTile * DEPTH;
			let end = select(sizes.dimensions - first, 0u, codeTile * B_QUADS + bQuad >= endQuad);
			if (first + DEPTH > sizes.dimensions) { a = padded(a, aK, sizes.dimensions - first); }
			if (first + DEPTH > sizes.dimensions || codeTile + 1u == codeTiles) { b = padded(b, bK, end); }
			workgroupBarrier();
			if (lane < A_BLOCKS) { storeBlock(aK * A_QUADS + aQuad, A_QUADS, a); }
			if (lane < B_BLOCKS) { storeBlock(B_START + bK * B_QUADS + bQuad, B_QUADS, b); }
			workgroupBarrier();
			let isLast = depthTile + 1u == depthTiles;
			let nextFirst = select(first + DEPTH, 0u, isLast);
			let nextTile = codeTile + select(0u, 1u, isLast);
			a = readZ(rows, nextFirst + aK);
			b = readCodes(nextTile * B_QUADS + bQuad, nextFirst + bK);
			if (QUADS > 1u) {
				for (var i = 0u; i < sizes.part; i++) {
					let k = min(i, DEPTH - 1u);
					let a0 = tile[k * A_QUADS + local.y];
					let a1 = tile[k * A_QUADS + LANES_Y + local.y];
					let b0 = tile[B_START + k * B_QUADS + local.x];
					let b1 = tile[B_START + k * B_QUADS + LANES_X + local.x];
					l0 = fma(vec4(a0.x), b0, l0);
					r0 = fma(vec4(a0.x), b1, r0);
					l1 = fma(vec4(a0.y), b0, l1);
					r1 = fma(vec4(a0.y), b1, r1);
					l2 = fma(vec4(a0.z), b0, l2);
					r2 = fma(vec4(a0.z), b1, r2);
					l3 = fma(vec4(a0.w), b0, l3);
					r3 = fma(vec4(a0.w), b1, r3);
					l4 = fma(vec4(a1.x), b0, l4);
					r4 = fma(vec4(a1.x), b1, r4);
					l5 = fma(vec4(a1.y), b0, l5);
					r5 = fma(vec4(a1.y), b1, r5);
					l6 = fma(vec4(a1.z), b0, l6);
					r6 = fma(vec4(a1.z), b1, r6);
					l7 = fma(vec4(a1.w), b0, l7);
					r7 = fma(vec4(a1.w), b1, r7);
				}
			} else {
				for (var i = 0u; i < sizes.part; i += 4u) {
					let k = min(i, DEPTH - 4u);
					let a0 = tile[k * A_QUADS + local.y];
					let b0 = tile[B_START + k * B_QUADS + local.x];
					let a1 = tile[(k + 1u) * A_QUADS + local.y];
					let b1 = tile[B_START + (k + 1u) * B_QUADS + local.x];
					let a2 = tile[(k + 2u) * A_QUADS + local.y];
					let b2 = tile[B_START + (k + 2u) * B_QUADS + local.x];
					let a3 = tile[(k + 3u) * A_QUADS + local.y];
					let b3 = tile[B_START + (k + 3u) * B_QUADS + local.x];
					l0 = fma(vec4(a0.x), b0, l0);
					l1 = fma(vec4(a0.y), b0, l1);
					l2 = fma(vec4(a0.z), b0, l2);
					l3 = fma(vec4(a0.w), b0, l3);
					l0 = fma(vec4(a1.x), b1, l0);
					l1 = fma(vec4(a1.y), b1, l1);
					l2 = fma(vec4(a1.z), b1, l2);
					l3 = fma(vec4(a1.w), b1, l3);
					l0 = fma(vec4(a2.x), b2, l0);
					l1 = fma(vec4(a2.y), b2, l1);
					l2 = fma(vec4(a2.z), b2, l2);
					l3 = fma(vec4(a2.w), b2, l3);
					l0 = fma(vec4(a3.x), b3, l0);
					l1 = fma(vec4(a3.y), b3, l1);
					l2 = fma(vec4(a3.z), b3, l2);
					l3 = fma(vec4(a3.w), b3, l3);
				}
			}
		}
		let code = 4u * left;
		best0 = closest(best0, l0, code);
		best1 = closest(best1, l1, code);
		best2 = closest(best2, l2, code);
		best3 = closest(best3, l3, code);
		if (QUADS > 1u) {
			best4 = closest(best4, l4, code);
			best5 = closest(best5, l5, code);
			best6 = closest(best6, l6, code);
			best7 = closest(best7, l7, code);
			best0 = closest(best0, r0, 4u * right);
			best1 = closest(best1, r1, 4u * right);
			best2 = closest(best2, r2, 4u * right);
			best3 = closest(best3, r3, 4u * right);
			best4 = closest(best4, r4, 4u * right);
			best5 = closest(best5, r5, 4u * right);
			best6 = closest(best6, r6, 4u * right);
			best7 = closest(best7, r7, 4u * right);
		}
	}

	let norm = max(max(norms.x, norms.y), max(norms.z, norms.w));
	workgroupBarrier();
	storeCandidate(4u * local.y, local.x, best0, norm);
	storeCandidate(4u * local.y + 1u, local.x, best1, norm);
	storeCandidate(4u * local.y + 2u, local.x, best2, norm);
	storeCandidate(4u * local.y + 3u, local.x, best3, norm);
	if (QUADS > 1u) {
		storeCandidate(4u * (LANES_Y + local.y), local.x, best4, norm);
		storeCandidate(4u * (LANES_Y + local.y) + 1u, local.x, best5, norm);
		storeCandidate(4u * (LANES_Y + local.y) + 2u, local.x, best6, norm);
		storeCandidate(4u * (LANES_Y + local.y) + 3u, local.x, best7, norm);
	}
	workgroupBarrier();
	if (lane < 4u * A_QUADS && firstRow + lane < sizes.rows) { index[firstRow + lane] = decided(lane, firstRow + lane); }
}
