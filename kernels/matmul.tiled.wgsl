// c[p, r, j] = Σ_k a[p, r, k] · b[p, k, j] for each product p of a batch
//
// a, aQuads  float32 [products, rows, inner], or transposed in memory: element (p, r, k) is at
//            p·aProduct + r·aRow + k·aInner; one buffer, as words and as vectors of 4
// b, bQuads  float32 [products, inner, columns], likewise at p·bProduct + k·bInner + j·bColumn
// c          float32 [products, rows, columns]
// sizes      aProduct, aRow, aInner, bProduct, bInner, bColumn: strides; aProduct or bProduct is 0 for a
//            factor that all products have. part: DEPTH / PARTS; a driver that knew it would unroll the inner
//            loop, which takes more registers
// slice      the workgroups of this dispatch
//
// A workgroup computes a tile of 8·LANES_Y rows × 8·LANES_X columns. It copies DEPTH values of k of both
// factors to workgroup memory at a time, at most one block of 4 × 4 an invocation and factor. The next
// blocks are loaded into registers while these are multiplied. Invocation (x, y, z) computes 8 × 8 results,
// row quads y and y + LANES_Y by column quads x and x + LANES_X, over part z of the DEPTH values. At the end
// the sums of the PARTS are added in order, through workgroup memory.
//
// Rows and columns after the end repeat the last ones and are not stored; values of k after the end are 0.
// So the inner loop has no bounds check.
//
// No features; 4 · max(DEPTH · (rows + columns of the tile), 16 · invocations) bytes of workgroup memory, at
// most 16 KiB.
// Source: the register and workgroup-memory blocking of CUTLASS; parts as in ONNX Runtime's split of K.
// Reference: test/reference/matmul.ts, matmul

override LANES_X: u32;
override LANES_Y: u32;
override PARTS: u32;
override DEPTH: u32;
// How a block is loaded: 0 word by word; 1 vectors along k; 2 vectors along the rows of a or columns of b.
override A_LOADS: u32;
override B_LOADS: u32;

override LANES = LANES_X * LANES_Y * PARTS;
override A_QUADS = 2u * LANES_Y;
override B_QUADS = 2u * LANES_X;
override A_BLOCKS = A_QUADS * DEPTH / 4u;
override B_BLOCKS = B_QUADS * DEPTH / 4u;
override B_START = DEPTH * A_QUADS;
override TILE_SIZE = max(DEPTH * (A_QUADS + B_QUADS), 4u * LANES);
override PART = DEPTH / PARTS;

struct Sizes {
	rows: u32,
	inner: u32,
	columns: u32,
	aRow: u32,
	aInner: u32,
	bInner: u32,
	bColumn: u32,
	part: u32,
	aProduct: u32,
	bProduct: u32,
}

struct Slice { first: u32, end: u32 }

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> aQuads: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> bQuads: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> c: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;
@group(0) @binding(6) var<uniform> slice: Slice;

// Of a: DEPTH × A_QUADS vectors of 4 rows. Of b, from B_START on: DEPTH × B_QUADS vectors of 4 columns.
// After the loop: a quarter of all sums.
var<workgroup> tile: array<vec4<f32>, TILE_SIZE>;

// 4 rows or columns × 4 values of k: a vector of rows or columns for each k.
struct Block { k0: vec4<f32>, k1: vec4<f32>, k2: vec4<f32>, k3: vec4<f32> }

fn transposedBlock(x: vec4<f32>, y: vec4<f32>, z: vec4<f32>, w: vec4<f32>) -> Block {
	return Block(vec4(x.x, y.x, z.x, w.x), vec4(x.y, y.y, z.y, w.y), vec4(x.z, y.z, z.z, w.z), vec4(x.w, y.w, z.w, w.w));
}

fn aWords(at: vec4<u32>) -> vec4<f32> { return vec4(a[at.x], a[at.y], a[at.z], a[at.w]); }

fn bWords(at: vec4<u32>) -> vec4<f32> { return vec4(b[at.x], b[at.y], b[at.z], b[at.w]); }

const consecutive = vec4(0u, 1u, 2u, 3u);

// Where the block of rows from `row` and values of k from `k` is, of the factor from `start` on: the offsets
// of its 4 rows at k, in words or in vectors; or those of its 4 values of k, in vectors.
fn offsetsOfA(start: u32, row: u32, k: u32) -> vec4<u32> {
	if (A_LOADS == 2u) { return (start + min(row, sizes.rows - 4u) + (k + consecutive) * sizes.aInner) / 4u; }
	let at = start + min(row + consecutive, vec4(sizes.rows - 1u)) * sizes.aRow + k * sizes.aInner;
	return select(at, at / 4u, A_LOADS == 1u);
}

fn offsetsOfB(start: u32, column: u32, k: u32) -> vec4<u32> {
	if (B_LOADS == 2u) { return (start + min(column, sizes.columns - 4u) + (k + consecutive) * sizes.bInner) / 4u; }
	let at = start + min(column + consecutive, vec4(sizes.columns - 1u)) * sizes.bColumn + k * sizes.bInner;
	return select(at, at / 4u, B_LOADS == 1u);
}

fn loadA(at: vec4<u32>) -> Block {
	if (A_LOADS == 1u) { return transposedBlock(aQuads[at.x], aQuads[at.y], aQuads[at.z], aQuads[at.w]); }
	if (A_LOADS == 2u) { return Block(aQuads[at.x], aQuads[at.y], aQuads[at.z], aQuads[at.w]); }
	let step = sizes.aInner;
	return Block(aWords(at), aWords(at + step), aWords(at + 2u * step), aWords(at + 3u * step));
}

fn loadB(at: vec4<u32>) -> Block {
	if (B_LOADS == 1u) { return transposedBlock(bQuads[at.x], bQuads[at.y], bQuads[at.z], bQuads[at.w]); }
	if (B_LOADS == 2u) { return Block(bQuads[at.x], bQuads[at.y], bQuads[at.z], bQuads[at.w]); }
	let step = sizes.bInner;
	return Block(bWords(at), bWords(at + step), bWords(at + 2u * step), bWords(at + 3u * step));
}

// 0 for values of k after the end.
fn padded(block: Block, k: u32) -> Block {
	let none = vec4(0.0);
	return Block(
		select(none, block.k0, k < sizes.inner),
		select(none, block.k1, k + 1u < sizes.inner),
		select(none, block.k2, k + 2u < sizes.inner),
		select(none, block.k3, k + 3u < sizes.inner),
	);
}

fn storeBlock(at: u32, stride: u32, block: Block) {
	tile[at] = block.k0;
	tile[at + stride] = block.k1;
	tile[at + 2u * stride] = block.k2;
	tile[at + 3u * stride] = block.k3;
}

// Adds the parts of a quarter of the sums, 4 rows × 4 columns of each invocation, and stores them. Invocation
// `lane` stores one column of every (LANES / 4 LANES_X)th row from `row` on, in c from `start` on.
fn storeSums(lane: u32, start: u32, row: u32, column: u32, block: Block) {
	workgroupBarrier();
	storeBlock(lane / (LANES_X * LANES_Y) * 4u * LANES_X * LANES_Y + lane % (LANES_X * LANES_Y), LANES_X * LANES_Y, block);
	workgroupBarrier();
	for (var r = lane / (4u * LANES_X); r < 4u * LANES_Y; r += LANES / (4u * LANES_X)) {
		let at = (r % 4u * LANES_Y + r / 4u) * LANES_X + lane / 4u % LANES_X;
		var total = 0.0;
		for (var part = 0u; part < PARTS; part++) { total += tile[at + part * 4u * LANES_X * LANES_Y][lane % 4u]; }
		if (row + r < sizes.rows && column < sizes.columns) { c[start + (row + r) * sizes.columns + column] = total; }
	}
}

// Row tiles that are computed for one column tile after the other, so that both factors stay in the cache.
const band = 8u;

@compute @workgroup_size(LANES_X, LANES_Y, PARTS)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
	@builtin(local_invocation_id) local: vec3<u32>,
) {
	let workgroup = slice.first + group.y * groups.x + group.x;
	if (workgroup >= slice.end) { return; }
	let rowTiles = (sizes.rows + 4u * A_QUADS - 1u) / (4u * A_QUADS);
	let columnTiles = (sizes.columns + 4u * B_QUADS - 1u) / (4u * B_QUADS);
	let product = workgroup / (rowTiles * columnTiles);
	let tileOfProduct = workgroup % (rowTiles * columnTiles);
	let firstTile = tileOfProduct / (band * columnTiles) * band;
	let bandTiles = min(band, rowTiles - firstTile);
	let inBand = tileOfProduct % (band * columnTiles);
	let row = (firstTile + inBand % bandTiles) * 4u * A_QUADS;
	let column = inBand / bandTiles * 4u * B_QUADS;

	// The block of each factor that this invocation copies.
	let aQuad = lane % A_QUADS;
	let aK = min(lane / A_QUADS * 4u, DEPTH - 4u);
	let bQuad = lane % B_QUADS;
	let bK = min(lane / B_QUADS * 4u, DEPTH - 4u);
	var offsetsA = offsetsOfA(product * sizes.aProduct, row + 4u * aQuad, aK);
	var offsetsB = offsetsOfB(product * sizes.bProduct, column + 4u * bQuad, bK);
	let stepA = DEPTH * sizes.aInner / select(4u, 1u, A_LOADS == 0u);
	let stepB = DEPTH * sizes.bInner / select(4u, 1u, B_LOADS == 0u);
	var nextA = loadA(offsetsA);
	var nextB = loadB(offsetsB);
	let part = min(sizes.part, sizes.inner);

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
	for (var first = 0u; first < sizes.inner; first += DEPTH) {
		if (first + DEPTH > sizes.inner) {
			nextA = padded(nextA, first + aK);
			nextB = padded(nextB, first + bK);
		}
		workgroupBarrier();
		if (lane < A_BLOCKS) { storeBlock(aK * A_QUADS + aQuad, A_QUADS, nextA); }
		if (lane < B_BLOCKS) { storeBlock(B_START + bK * B_QUADS + bQuad, B_QUADS, nextB); }
		workgroupBarrier();
		offsetsA += stepA;
		offsetsB += stepB;
		nextA = loadA(offsetsA);
		nextB = loadB(offsetsB);
		for (var i = 0u; i < part; i++) {
			let k = min(local.z * PART + i, DEPTH - 1u);
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
	}

	let start = product * sizes.rows * sizes.columns;
	let stored = column + lane % (4u * LANES_X);
	storeSums(lane, start, row, stored, Block(l0, l1, l2, l3));
	storeSums(lane, start, row, stored + 4u * LANES_X, Block(r0, r1, r2, r3));
	storeSums(lane, start, row + 4u * LANES_Y, stored, Block(l4, l5, l6, l7));
	storeSums(lane, start, row + 4u * LANES_Y, stored + 4u * LANES_X, Block(r4, r5, r6, r7));
}
