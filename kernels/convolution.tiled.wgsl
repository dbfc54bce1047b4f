// y[n, o, t·outStep + phase] = bias[o] + Σ_{tap, i} w[o, i, tap] · x[n, i, t·inStep + reach / outStep], in y
// and x each, with reach = phase + origin + tap·tapStep; a tap counts only if outStep divides its reach.
// Outside of the image x is 0. The formula of convolution.wgsl, as a matrix product.
//
// x      float32 [batch, inChannels, inHeight, inWidth]
// w      float32; the element of output o of group g, its input i and tap is at g·groupStride +
//        o·outputStride + i·inputStride + tap
// bias   float32 [outChannels], read if hasBias is 1 (else any buffer)
// mask   float32 as y, read if activation is 2 (else any buffer)
// y      float32 [batch, outChannels, outHeight, outWidth]
// sizes  activation: 0 none; 1 ReLU; 2 the result, or 0 if mask is 0 (the backward pass of a ReLU whose
//        output is mask). tapPeriod: of so many taps next to each other one counts. part: as
//        in matmul.tiled.wgsl
// slice  the workgroups of this dispatch
//
// Rows are the output channels of a group, columns the pixels of a phase (oy mod outStep, ox mod outStep),
// and the inner dimension k is (tap, input channel), of the taps that count for the phase. The matrix of
// pixels is never stored: its elements are read from x when they are copied to workgroup memory. Rows,
// columns, depth and parts as in matmul.tiled.wgsl; but column 4q + j of a tile is pixel q + B_QUADS·j, so
// that neighbouring invocations read and write neighbouring pixels. An invocation follows its values of k
// with additions and carries, so the loops have no division.
//
// No features; 4 · max(DEPTH · (rows + columns of the tile), 16 · invocations) bytes of workgroup memory, at
// most 16 KiB.
// Source: implicit GEMM of cuDNN (Chetlur et al., "cuDNN: efficient primitives for deep learning", 2014).
// Reference: test/reference/convolution.ts, conv2d
// Reference: test/reference/transposed_convolution.ts, convTranspose2d

override LANES_X: u32;
override LANES_Y: u32;
override PARTS: u32;
override DEPTH: u32;
// Whether 4 divides the input channels of a group: then a block has one tap.
override SAME_TAP: bool;
// Whether the next values are loaded after the innermost loop, so that their addresses take no registers in
// it, and not before it, so that the loads overlap with it.
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
	hasBias: u32,
	inStepY: u32,
	inStepX: u32,
	outStepY: u32,
	outStepX: u32,
	originY: i32,
	originX: i32,
	tapStepY: i32,
	tapStepX: i32,
	activation: u32,
	tapPeriodY: u32,
	tapPeriodX: u32,
	groupStride: u32,
	outputStride: u32,
	inputStride: u32,
	part: u32,
}

struct Slice { first: u32, end: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> mask: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;
@group(0) @binding(6) var<uniform> slice: Slice;

// Of w: DEPTH × A_QUADS vectors of 4 output channels. Of x, from B_START on: DEPTH × B_QUADS vectors of 4
// pixels. After the loop: a quarter of all sums.
var<workgroup> tile: array<vec4<f32>, TILE_SIZE>;

// 4 rows or columns × 4 values of k: a vector of rows or columns for each k.
struct Block { k0: vec4<f32>, k1: vec4<f32>, k2: vec4<f32>, k3: vec4<f32> }

fn storeBlock(at: u32, stride: u32, block: Block) {
	tile[at] = block.k0;
	tile[at + stride] = block.k1;
	tile[at + 2u * stride] = block.k2;
	tile[at + 3u * stride] = block.k3;
}

// The taps of one axis that count for a phase: `count`, from `first` on, `period` apart. Tap number t reads
// the input at reach + t·step more than t·inStep of the pixel.
struct Taps { first: u32, count: u32, reach: i32, step: i32 }

fn tapsOf(phase: u32, origin: i32, tapStep: i32, outStep: u32, period: u32, length: u32) -> Taps {
	let at = i32(phase) + origin;
	let divisor = i32(outStep);
	for (var first = 0u; first < min(period, length); first++) {
		let reach = at + i32(first) * tapStep;
		if (reach % divisor == 0) {
			return Taps(first, (length - first + period - 1u) / period, reach / divisor, i32(period) * tapStep / divisor);
		}
	}
	return Taps(0u, 0u, 0, 0);
}

// Of the workgroup: input channels of the group, and the taps of both axes.
var<private> channels: u32;
var<private> tapsY: Taps;
var<private> tapsX: Taps;

// A value of k, or a distance between two: input channel, and the numbers of the taps of both axes.
struct InnerIndex { channel: u32, x: u32, y: u32 }

fn innerIndexOf(k: u32) -> InnerIndex {
	let tap = k / channels;
	return InnerIndex(k % channels, tap % tapsX.count, tap / tapsX.count);
}

fn advanced(index: InnerIndex, step: InnerIndex) -> InnerIndex {
	var next = InnerIndex(index.channel + step.channel, index.x + step.x, index.y + step.y);
	if (next.channel >= channels) {
		next.channel -= channels;
		next.x++;
	}
	if (next.x >= tapsX.count) {
		next.x -= tapsX.count;
		next.y++;
	}
	return next;
}

// 4 pixels: the element of x that their first tap reads for the first input channel of the group, its row
// and its column. Numbers before the image wrap, and so do the sums with them.
struct Pixels { at: vec4<u32>, y: vec4<u32>, x: vec4<u32> }

// The elements of x for a value of k, and which of them are in the image.
struct Source { at: vec4<u32>, inside: vec4<bool> }

fn sourceOf(pixels: Pixels, index: InnerIndex) -> Source {
	let y = index.y * u32(tapsY.step);
	let x = index.x * u32(tapsX.step);
	let inside = (pixels.y + y < vec4(sizes.inHeight)) & (pixels.x + x < vec4(sizes.inWidth)) & vec4(index.y < tapsY.count);
	return Source(pixels.at + ((index.channel * sizes.inHeight + y) * sizes.inWidth + x), inside);
}

fn loadX(at: vec4<u32>) -> vec4<f32> { return vec4(x[at.x], x[at.y], x[at.z], x[at.w]); }

// A block of x as it was read, and which elements of it are in the image.
struct MaskedBlock { block: Block, inside0: vec4<bool>, inside1: vec4<bool>, inside2: vec4<bool>, inside3: vec4<bool> }

const one = InnerIndex(1u, 0u, 0u);

fn readPixels(pixels: Pixels, index: InnerIndex) -> MaskedBlock {
	let s0 = sourceOf(pixels, index);
	if (SAME_TAP) {
		let plane = sizes.inHeight * sizes.inWidth;
		return MaskedBlock(
			Block(loadX(s0.at), loadX(s0.at + plane), loadX(s0.at + 2u * plane), loadX(s0.at + 3u * plane)),
			s0.inside, s0.inside, s0.inside, s0.inside,
		);
	}
	let index1 = advanced(index, one);
	let index2 = advanced(index1, one);
	let s1 = sourceOf(pixels, index1);
	let s2 = sourceOf(pixels, index2);
	let s3 = sourceOf(pixels, advanced(index2, one));
	return MaskedBlock(Block(loadX(s0.at), loadX(s1.at), loadX(s2.at), loadX(s3.at)), s0.inside, s1.inside, s2.inside, s3.inside);
}

fn maskedPixels(loaded: MaskedBlock) -> Block {
	let none = vec4(0.0);
	return Block(
		select(none, loaded.block.k0, loaded.inside0),
		select(none, loaded.block.k1, loaded.inside1),
		select(none, loaded.block.k2, loaded.inside2),
		select(none, loaded.block.k3, loaded.inside3),
	);
}

fn offsetOfWeight(index: InnerIndex) -> u32 {
	return index.channel * sizes.inputStride + index.y * sizes.tapPeriodY * sizes.kernelWidth + index.x * sizes.tapPeriodX;
}

fn loadW(at: vec4<u32>) -> vec4<f32> { return vec4(w[at.x], w[at.y], w[at.z], w[at.w]); }

// @param rows the elements of 4 output channels for input channel 0 and the first tap
fn readWeights(rows: vec4<u32>, index: InnerIndex) -> Block {
	let at = rows + offsetOfWeight(index);
	if (SAME_TAP) {
		let step = sizes.inputStride;
		return Block(loadW(at), loadW(at + step), loadW(at + 2u * step), loadW(at + 3u * step));
	}
	let index1 = advanced(index, one);
	let index2 = advanced(index1, one);
	let index3 = advanced(index2, one);
	return Block(
		loadW(at),
		loadW(rows + offsetOfWeight(index1)),
		loadW(rows + offsetOfWeight(index2)),
		loadW(rows + offsetOfWeight(index3)),
	);
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

fn result(at: u32, channel: u32, value: f32) -> f32 {
	var sum = value;
	if (sizes.hasBias == 1u) { sum += bias[channel]; }
	// By bits, as in relu.wgsl, so that NaN passes.
	if (sizes.activation == 1u) { return select(sum, 0.0, bitcast<u32>(sum) - 0x80000000u <= 0x7f800000u); }
	if (sizes.activation == 2u) { return select(sum, 0.0, bitcast<u32>(mask[at]) == 0u); }
	return sum;
}

// A pixel of y: the number of its element of channel 0; `inside` if there is such a pixel.
struct Target { at: u32, inside: bool }

fn targetOf(p: u32, phaseY: u32, phaseX: u32) -> Target {
	let phaseWidth = (sizes.outWidth + sizes.outStepX - 1u) / sizes.outStepX;
	let phasePlane = (sizes.outHeight + sizes.outStepY - 1u) / sizes.outStepY * phaseWidth;
	let plane = sizes.outHeight * sizes.outWidth;
	let oy = p % phasePlane / phaseWidth * sizes.outStepY + phaseY;
	let ox = p % phasePlane % phaseWidth * sizes.outStepX + phaseX;
	return Target(
		p / phasePlane * sizes.outChannels * plane + oy * sizes.outWidth + ox,
		p < sizes.batch * phasePlane && oy < sizes.outHeight && ox < sizes.outWidth,
	);
}

// Adds the parts of a quarter of the sums, 4 rows × 4 columns of each invocation, and stores them. Invocation
// `lane` stores one pixel of every (LANES / 4 LANES_X)th row, the first of which has output channel `first`.
fn storeSums(lane: u32, first: u32, end: u32, to: Target, block: Block) {
	workgroupBarrier();
	storeBlock(lane / (LANES_X * LANES_Y) * 4u * LANES_X * LANES_Y + lane % (LANES_X * LANES_Y), LANES_X * LANES_Y, block);
	workgroupBarrier();
	let plane = sizes.outHeight * sizes.outWidth;
	for (var row = lane / (4u * LANES_X); row < 4u * LANES_Y; row += LANES / (4u * LANES_X)) {
		let start = (row % 4u * LANES_Y + row / 4u) * LANES_X + lane % LANES_X;
		var total = 0.0;
		for (var part = 0u; part < PARTS; part++) {
			total += tile[start + part * 4u * LANES_X * LANES_Y][lane / LANES_X % 4u];
		}
		let channel = first + row;
		if (to.inside && channel < end) {
			let at = to.at + channel * plane;
			y[at] = result(at, channel, total);
		}
	}
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
	let groupInputs = sizes.inChannels / sizes.groups;
	let groupOutputs = sizes.outChannels / sizes.groups;
	let rowTiles = (groupOutputs + 4u * A_QUADS - 1u) / (4u * A_QUADS);
	let phases = sizes.outStepY * sizes.outStepX;
	let convGroup = workgroup % (sizes.groups * rowTiles) / rowTiles;
	let row = workgroup % rowTiles * 4u * A_QUADS;
	let phase = workgroup / (sizes.groups * rowTiles) % phases;
	let phaseY = phase / sizes.outStepX;
	let phaseX = phase % sizes.outStepX;
	let firstPixel = workgroup / (sizes.groups * rowTiles * phases) * 4u * B_QUADS;
	channels = groupInputs;
	let ofY = tapsOf(phaseY, sizes.originY, sizes.tapStepY, sizes.outStepY, sizes.tapPeriodY, sizes.kernelHeight);
	let ofX = tapsOf(phaseX, sizes.originX, sizes.tapStepX, sizes.outStepX, sizes.tapPeriodX, sizes.kernelWidth);
	tapsY = ofY;
	tapsX = ofX;
	let inner = ofY.count * ofX.count * groupInputs;

	// The blocks that this invocation copies, of values of k from ownK on: 4 output channels, and 4 pixels.
	let ownK = min(lane / QUADS * 4u, DEPTH - 4u);
	let aQuad = min(lane % QUADS, A_QUADS - 1u);
	let bQuad = min(lane % QUADS, B_QUADS - 1u);
	var index = innerIndexOf(ownK);
	let outputs = min(row + 4u * aQuad + vec4(0u, 1u, 2u, 3u), vec4(groupOutputs - 1u));
	let firstTap = tapsY.first * sizes.kernelWidth + tapsX.first;
	let rows = convGroup * sizes.groupStride + outputs * sizes.outputStride + firstTap;
	let phaseWidth = (sizes.outWidth + sizes.outStepX - 1u) / sizes.outStepX;
	let phasePlane = (sizes.outHeight + sizes.outStepY - 1u) / sizes.outStepY * phaseWidth;
	let p = min(firstPixel + bQuad + B_QUADS * vec4(0u, 1u, 2u, 3u), vec4(sizes.batch * phasePlane - 1u));
	let pixelY = p % phasePlane / phaseWidth * sizes.inStepY + u32(tapsY.reach);
	let pixelX = p % phasePlane % phaseWidth * sizes.inStepX + u32(tapsX.reach);
	let firstChannel = p / phasePlane * sizes.inChannels + convGroup * groupInputs;
	let pixels = Pixels((firstChannel * sizes.inHeight + pixelY) * sizes.inWidth + pixelX, pixelY, pixelX);
	let step = innerIndexOf(DEPTH);
	var a = readWeights(rows, index);
	var b = readPixels(pixels, index);
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
		if (first + DEPTH > inner) { a = padded(a, first + ownK, inner); }
		workgroupBarrier();
		if (lane < BLOCKS && lane % QUADS < A_QUADS) { storeBlock(ownK * A_QUADS + aQuad, A_QUADS, a); }
		if (lane < BLOCKS && lane % QUADS < B_QUADS) { storeBlock(B_START + ownK * B_QUADS + bQuad, B_QUADS, maskedPixels(b)); }
		workgroupBarrier();
		index = advanced(index, step);
		if (!LATE_LOADS) {
			a = readWeights(rows, index);
			b = readPixels(pixels, index);
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
			b = readPixels(pixels, index);
			a = readWeights(rows, index);
		}
	}

	let column = firstPixel + lane % LANES_X + lane / LANES_X % 4u * B_QUADS;
	let left = targetOf(column, phaseY, phaseX);
	let right = targetOf(column + LANES_X, phaseY, phaseX);
	let output = convGroup * groupOutputs + row;
	let end = (convGroup + 1u) * groupOutputs;
	storeSums(lane, output, end, left, Block(l0, l1, l2, l3));
	storeSums(lane, output, end, right, Block(r0, r1, r2, r3));
	storeSums(lane, output + 4u * LANES_Y, end, left, Block(l4, l5, l6, l7));
	storeSums(lane, output + 4u * LANES_Y, end, right, Block(r4, r5, r6, r7));
}
