// partial[s, o, i, ky, kx] = Σ dy[n, o, oy, ox] · x[n, i, oy·S − P + ky·D, ox·S − P + kx·D] over the pixels
// (n, oy, ox) of split s,  partialBias[s, c] = Σ of channel c of dy or x over its pixels in split s;
// sum_splits.wgsl then adds the splits
//
// x            float32 [batch, inChannels, inHeight, inWidth]
// dy, dyQuads  float32 [batch, outChannels, outHeight, outWidth]; one buffer, as words and as vectors of 4
// partial      float32 [splits, outChannels, inChannels / groups, kernelHeight, kernelWidth]
// partialBias  float32 [splits, outChannels or inChannels]
// sizes        stride S, padding P, dilation D; biasOf: 0 no partialBias, 1 that of dy, 2 that of x; part: as
//              in matmul.tiled.wgsl
// slice        the workgroups of this dispatch
//
// The gradients of a conv2d's weight and bias; with biasOf 2 those of a transposed convolution, if x is the
// gradient of its output and dy its input.
//
// A matrix product: rows are output channels of a group, columns are (i, ky, kx), and the inner dimension is
// the pixels of a split. Rows, columns, depth and parts as in matmul.tiled.wgsl. An invocation follows its
// pixels with additions and carries, so the loops have no division. The pixels of a split depend on the
// shape alone. The workgroups after those of the product compute partialBias, one channel of one split each.
//
// No features; 4 · max(DEPTH · (rows + columns of the tile), 16 · invocations) bytes of workgroup memory, at
// most 16 KiB.
// Source: implicit GEMM of cuDNN (Chetlur et al., "cuDNN: efficient primitives for deep learning", 2014).
// Reference: test/reference/convolution.ts, conv2dBackward

override LANES_X: u32;
override LANES_Y: u32;
override PARTS: u32;
override DEPTH: u32;
// Whether 4 divides the pixels of an image: then 4 neighbouring pixels of dy are one vector.
override DY_VECTORS: bool;
// As in convolution.tiled.wgsl.
override LATE_LOADS: bool;

override LANES = LANES_X * LANES_Y * PARTS;
override A_QUADS = 2u * LANES_Y;
override B_QUADS = 2u * LANES_X;
// Invocations next to each other that copy blocks of the same k, and all that copy blocks.
override QUADS = max(A_QUADS, B_QUADS);
override BLOCKS = QUADS * DEPTH / 4u;
override B_START = DEPTH * A_QUADS;
override TILE_SIZE = max(DEPTH * (A_QUADS + B_QUADS), 4u * LANES);
override PART = DEPTH / PARTS;

struct Sizes {
	batch: u32,
	inChannels: u32,
	inHeight: u32,
	inWidth: u32,
	outChannels: u32,
	outHeight: u32,
	outWidth: u32,
	kernelHeight: u32,
	kernelWidth: u32,
	groups: u32,
	strideY: u32,
	strideX: u32,
	paddingY: u32,
	paddingX: u32,
	dilationY: u32,
	dilationX: u32,
	splits: u32,
	biasOf: u32,
	part: u32,
}

struct Slice { first: u32, end: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> dyQuads: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;
@group(0) @binding(4) var<storage, read_write> partialBias: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;
@group(0) @binding(6) var<uniform> slice: Slice;

// Of dy: DEPTH × A_QUADS vectors of 4 output channels. Of x, from B_START on: DEPTH × B_QUADS vectors of 4
// columns. After the loop: a quarter of all sums.
var<workgroup> tile: array<vec4<f32>, TILE_SIZE>;

// 4 rows or columns × 4 values of k: a vector of rows or columns for each k.
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

// An output pixel, or a distance between two.
struct Pixel { n: u32, y: u32, x: u32 }

fn pixelOf(p: u32) -> Pixel {
	let plane = sizes.outHeight * sizes.outWidth;
	return Pixel(p / plane, p % plane / sizes.outWidth, p % plane % sizes.outWidth);
}

fn advanced(pixel: Pixel, step: Pixel) -> Pixel {
	var next = Pixel(pixel.n + step.n, pixel.y + step.y, pixel.x + step.x);
	if (next.x >= sizes.outWidth) {
		next.x -= sizes.outWidth;
		next.y++;
	}
	if (next.y >= sizes.outHeight) {
		next.y -= sizes.outHeight;
		next.n++;
	}
	return next;
}

// 4 columns: their distances in x from the element of input channel 0 at the pixel (oy·S, ox·S), in elements,
// rows and columns of the image.
struct Columns { offset: vec4<u32>, y: vec4<u32>, x: vec4<u32> }

fn columnsOf(index: vec4<u32>, convGroup: u32) -> Columns {
	let taps = sizes.kernelHeight * sizes.kernelWidth;
	let tap = index % taps;
	let channel = convGroup * (sizes.inChannels / sizes.groups) + index / taps;
	// Negative distances wrap, and so do the sums with them.
	let y = tap / sizes.kernelWidth * sizes.dilationY - sizes.paddingY;
	let x = tap % sizes.kernelWidth * sizes.dilationX - sizes.paddingX;
	return Columns((channel * sizes.inHeight + y) * sizes.inWidth + x, y, x);
}

// A block of x as it was read, and which elements of it are in the image: the columns of a pixel together.
struct MaskedBlock { block: Block, inside0: vec4<bool>, inside1: vec4<bool>, inside2: vec4<bool>, inside3: vec4<bool> }

fn insideOf(columns: Columns, pixel: Pixel) -> vec4<bool> {
	let iy = columns.y + pixel.y * sizes.strideY;
	let ix = columns.x + pixel.x * sizes.strideX;
	return (iy < vec4(sizes.inHeight)) & (ix < vec4(sizes.inWidth));
}

fn loadX(columns: Columns, pixel: Pixel) -> vec4<f32> {
	let row = pixel.n * sizes.inChannels * sizes.inHeight + pixel.y * sizes.strideY;
	let at = columns.offset + row * sizes.inWidth + pixel.x * sizes.strideX;
	return vec4(x[at.x], x[at.y], x[at.z], x[at.w]);
}

const one = Pixel(0u, 0u, 1u);

fn readX(columns: Columns, pixel: Pixel) -> MaskedBlock {
	let inside0 = insideOf(columns, pixel);
	let k0 = loadX(columns, pixel);
	let pixel1 = advanced(pixel, one);
	let inside1 = insideOf(columns, pixel1);
	let k1 = loadX(columns, pixel1);
	let pixel2 = advanced(pixel1, one);
	let inside2 = insideOf(columns, pixel2);
	let k2 = loadX(columns, pixel2);
	let pixel3 = advanced(pixel2, one);
	let inside3 = insideOf(columns, pixel3);
	return MaskedBlock(Block(k0, k1, k2, loadX(columns, pixel3)), inside0, inside1, inside2, inside3);
}

fn maskedX(loaded: MaskedBlock) -> Block {
	let none = vec4(0.0);
	return Block(
		select(none, loaded.block.k0, loaded.inside0),
		select(none, loaded.block.k1, loaded.inside1),
		select(none, loaded.block.k2, loaded.inside2),
		select(none, loaded.block.k3, loaded.inside3),
	);
}

fn loadDy(rows: vec4<u32>, pixel: Pixel) -> vec4<f32> {
	let at = rows + (pixel.n * sizes.outChannels * sizes.outHeight + pixel.y) * sizes.outWidth + pixel.x;
	return vec4(dy[at.x], dy[at.y], dy[at.z], dy[at.w]);
}

// @param rows the planes of 4 output channels
fn readDy(rows: vec4<u32>, pixel: Pixel) -> Block {
	if (DY_VECTORS) {
		let at = (rows + (pixel.n * sizes.outChannels * sizes.outHeight + pixel.y) * sizes.outWidth + pixel.x) / 4u;
		return transposedBlock(dyQuads[at.x], dyQuads[at.y], dyQuads[at.z], dyQuads[at.w]);
	}
	let pixel1 = advanced(pixel, one);
	let pixel2 = advanced(pixel1, one);
	return Block(loadDy(rows, pixel), loadDy(rows, pixel1), loadDy(rows, pixel2), loadDy(rows, advanced(pixel2, one)));
}

// 0 for values of k after the end.
fn padded(block: Block, k: u32, end: u32) -> Block {
	let none = vec4(0.0);
	return Block(
		select(none, block.k0, k < end),
		select(none, block.k1, k + 1u < end),
		select(none, block.k2, k + 2u < end),
		select(none, block.k3, k + 3u < end),
	);
}

// Adds the parts of a quarter of the sums, 4 rows × 4 columns of each invocation, and stores them. Invocation
// `lane` stores one column of every (LANES / 4 LANES_X)th row from `row` on.
fn storeSums(lane: u32, row: u32, endRow: u32, column: u32, start: u32, columns: u32, block: Block) {
	workgroupBarrier();
	storeBlock(lane / (LANES_X * LANES_Y) * 4u * LANES_X * LANES_Y + lane % (LANES_X * LANES_Y), LANES_X * LANES_Y, block);
	workgroupBarrier();
	for (var r = lane / (4u * LANES_X); r < 4u * LANES_Y; r += LANES / (4u * LANES_X)) {
		let at = (r % 4u * LANES_Y + r / 4u) * LANES_X + lane / 4u % LANES_X;
		var total = 0.0;
		for (var part = 0u; part < PARTS; part++) { total += tile[at + part * 4u * LANES_X * LANES_Y][lane % 4u]; }
		if (row + r < endRow && column < columns) { partial[start + (row + r) * columns + column] = total; }
	}
}

// The sum of a channel over a split of its pixels: lane l adds every LANESth of them, then a tree adds the
// lanes.
fn sumChannel(lane: u32, index: u32) {
	let ofDy = sizes.biasOf == 1u;
	let channels = select(sizes.inChannels, sizes.outChannels, ofDy);
	let plane = select(sizes.inHeight * sizes.inWidth, sizes.outHeight * sizes.outWidth, ofDy);
	let length = (sizes.batch * plane + sizes.splits - 1u) / sizes.splits;
	let end = min((index / channels + 1u) * length, sizes.batch * plane);
	let first = index / channels * length + lane;
	// The image and the pixel in it, and the step of both: so the loop has no division.
	var n = first / plane;
	var p = first % plane;
	var total = 0.0;
	for (var pixel = first; pixel < end; pixel += LANES) {
		let at = (n * channels + index % channels) * plane + p;
		if (ofDy) { total += dy[at]; } else { total += x[at]; }
		n += LANES / plane;
		p += LANES % plane;
		if (p >= plane) {
			p -= plane;
			n++;
		}
	}
	for (var half = LANES / 2u; half > 0u; half /= 2u) {
		tile[lane] = vec4(total);
		workgroupBarrier();
		if (lane < half) { total += tile[lane + half].x; }
		workgroupBarrier();
	}
	if (lane == 0u) { partialBias[index] = total; }
}

@compute @workgroup_size(LANES_X, LANES_Y, PARTS)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
	@builtin(local_invocation_id) local: vec3<u32>,
) {
	let workgroup = slice.first + group.y * groups.x + group.x;
	if (workgroup >= slice.end) { return; }
	let groupOutputs = sizes.outChannels / sizes.groups;
	let columns = sizes.inChannels / sizes.groups * sizes.kernelHeight * sizes.kernelWidth;
	let columnTiles = (columns + 4u * B_QUADS - 1u) / (4u * B_QUADS);
	let rowTiles = (groupOutputs + 4u * A_QUADS - 1u) / (4u * A_QUADS);
	let tiles = columnTiles * sizes.groups * rowTiles;
	if (workgroup >= tiles * sizes.splits) {
		sumChannel(lane, workgroup - tiles * sizes.splits);
		return;
	}
	let split = workgroup / tiles;
	let rowTile = workgroup / columnTiles % (sizes.groups * rowTiles);
	let convGroup = rowTile / rowTiles;
	let row = convGroup * groupOutputs + rowTile % rowTiles * 4u * A_QUADS;
	let endRow = (convGroup + 1u) * groupOutputs;
	let column = workgroup % columnTiles * 4u * B_QUADS;
	let plane = sizes.outHeight * sizes.outWidth;
	let pixels = sizes.batch * plane;
	// A multiple of 4, for the vectors of dy.
	let splitPixels = (pixels + 4u * sizes.splits - 1u) / (4u * sizes.splits) * 4u;
	let firstPixel = split * splitPixels;
	let inner = min(firstPixel + splitPixels, pixels) - min(firstPixel, pixels);

	// The blocks that this invocation copies, of pixels from ownK on: 4 output channels, and 4 columns.
	let ownK = min(lane / QUADS * 4u, DEPTH - 4u);
	let aQuad = min(lane % QUADS, A_QUADS - 1u);
	let bQuad = min(lane % QUADS, B_QUADS - 1u);
	var pixel = pixelOf(firstPixel + ownK);
	let rows = min(row + 4u * aQuad + vec4(0u, 1u, 2u, 3u), vec4(endRow - 1u)) * plane;
	let ofX = columnsOf(min(column + 4u * bQuad + vec4(0u, 1u, 2u, 3u), vec4(columns - 1u)), convGroup);
	let step = pixelOf(DEPTH);
	var a = readDy(rows, pixel);
	var b = readX(ofX, pixel);
	let part = min(sizes.part, inner);

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
	for (var first = 0u; first < inner; first += DEPTH) {
		var blockOfX = maskedX(b);
		if (first + DEPTH > inner) {
			a = padded(a, first + ownK, inner);
			blockOfX = padded(blockOfX, first + ownK, inner);
		}
		workgroupBarrier();
		if (lane < BLOCKS && lane % QUADS < A_QUADS) { storeBlock(ownK * A_QUADS + aQuad, A_QUADS, a); }
		if (lane < BLOCKS && lane % QUADS < B_QUADS) { storeBlock(B_START + ownK * B_QUADS + bQuad, B_QUADS, blockOfX); }
		workgroupBarrier();
		pixel = advanced(pixel, step);
		if (!LATE_LOADS) {
			a = readDy(rows, pixel);
			b = readX(ofX, pixel);
		}
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
		if (LATE_LOADS) {
			// Last what has the fewest addresses.
			b = readX(ofX, pixel);
			a = readDy(rows, pixel);
		}
	}

	let start = split * sizes.outChannels * columns;
	let stored = column + lane % (4u * LANES_X);
	storeSums(lane, row, endRow, stored, start, columns, Block(l0, l1, l2, l3));
	storeSums(lane, row, endRow, stored + 4u * LANES_X, start, columns, Block(r0, r1, r2, r3));
	storeSums(lane, row + 4u * LANES_Y, endRow, stored, start, columns, Block(l4, l5, l6, l7));
	storeSums(lane, row + 4u * LANES_Y, endRow, stored + 4u * LANES_X, start, columns, Block(r4, r5, r6, r7));
}
