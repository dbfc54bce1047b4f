// y[n, o, t·outStep + phase] = bias[o] + Σ_{i, tap} w[o, i, tap] · x[n, i, t·inStep + reach / outStep], in y
// and x each, with reach = phase + origin + tap·tapStep; a tap counts only if outStep divides its reach.
// Outside of the image x is 0. The formula of convolution.wgsl, for at most 4 output channels a group.
//
// x      float32 [batch, inChannels, inHeight, inWidth]
// w      float32; the element of output o of group g, its input i and tap is at g·groupStride +
//        o·outputStride + i·inputStride + tap
// bias   float32 [outChannels], read if hasBias is 1 (else any buffer)
// mask   float32 as y, read if activation is 2 (else any buffer)
// y      float32 [batch, outChannels, outHeight, outWidth]
// sizes  activation and tapPeriod: as in convolution.tiled.wgsl. The others are of a workgroup, see below:
//        tileWidth × 4·tileBlocks pixels of tileImages images; parts; quads, of 4 input channels each, that
//        are in workgroup memory at a time, partQuads of them for each part; regionWidth columns of x for an
//        image; slots of a column, columnStride apart; weightStart, where the weights are in workgroup memory
// slice  the workgroups of this dispatch
//
// A workgroup computes a rectangle of pixels of one phase (oy mod outStep, ox mod outStep) and group, of
// one image or more. An invocation computes 4 pixels below each other of all output channels, from one part
// of the input channels. The parts are added in order, through workgroup memory.
//
// The part of x that the rectangle needs is copied to workgroup memory, with zeros outside of the image, in
// vectors of 4 input channels. Their rows are grouped by windows of WINDOW taps: a window has as many rows
// as the pixels of the rectangle and WINDOW − 1 more, and 4 pixels use 4 + WINDOW − 1 of them for all of
// its taps. If tapStep is no multiple of inStep, as in a strided convolution, each window is one tap. Next
// to each other in workgroup memory are the rows of a column (a slot each). Neighbouring invocations have
// neighbouring columns, an odd number of slots apart, so they use different banks.
//
// No features; 16 · SIZE bytes of workgroup memory, at most 16 KiB.
// Reference: test/reference/convolution.ts, conv2d
// Reference: test/reference/transposed_convolution.ts, convTranspose2d

override LANES: u32;
// Vectors in workgroup memory: of x and w, and then of the sums, LANES · OUTPUTS.
override SIZE: u32;
// Output channels of a group, 1 to 4.
override OUTPUTS: u32;
// Input channels of a group, or 4 if there are more.
override CHANNELS: u32;
// Taps of a window, 1 to 5.
override WINDOW: u32;
// Vectors of x that an invocation copies, 1 to 4.
override COPIES: u32;

// Rows that 4 pixels use, and vectors of weights of a window.
override ROWS = 3u + WINDOW;
override WEIGHTS = WINDOW * OUTPUTS;
// The taps of a window; the last one instead of those that it does not have.
override TAP1 = min(1u, WINDOW - 1u);
override TAP2 = min(2u, WINDOW - 1u);
override TAP3 = min(3u, WINDOW - 1u);
override TAP4 = min(4u, WINDOW - 1u);

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
	tileImages: u32,
	tileWidth: u32,
	tileBlocks: u32,
	parts: u32,
	quads: u32,
	partQuads: u32,
	regionWidth: u32,
	slots: u32,
	columnStride: u32,
	weightStart: u32,
}

struct Slice { first: u32, end: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> mask: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;
@group(0) @binding(6) var<uniform> slice: Slice;

// Of x: [quad, column, slot], of 4 input channels each. Of w, from weightStart on: [quad, window, tap of x,
// output, tap of the window]. After the loop, the sums: [output, invocation], of 4 pixels each.
var<workgroup> tile: array<vec4<f32>, SIZE>;

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

// 4 vectors of 4 input channels.
struct Block { v0: vec4<f32>, v1: vec4<f32>, v2: vec4<f32>, v3: vec4<f32> }

fn loadX(at: u32) -> vec4<f32> {
	let plane = sizes.inHeight * sizes.inWidth;
	var value = vec4(x[at], 0.0, 0.0, 0.0);
	if (CHANNELS > 1u) { value.y = x[at + plane]; }
	if (CHANNELS > 2u) { value.z = x[at + 2u * plane]; }
	if (CHANNELS > 3u) { value.w = x[at + 3u * plane]; }
	return value;
}

fn loadBlock(at: vec4<u32>) -> Block {
	var block: Block;
	block.v0 = loadX(at.x);
	if (COPIES > 1u) { block.v1 = loadX(at.y); }
	if (COPIES > 2u) { block.v2 = loadX(at.z); }
	if (COPIES > 3u) { block.v3 = loadX(at.w); }
	return block;
}

fn loadWeights(at: u32) -> vec4<f32> {
	let step = sizes.inputStride;
	var value = vec4(w[at], 0.0, 0.0, 0.0);
	if (CHANNELS > 1u) { value.y = w[at + step]; }
	if (CHANNELS > 2u) { value.z = w[at + 2u * step]; }
	if (CHANNELS > 3u) { value.w = w[at + 3u * step]; }
	return value;
}

// 0 for input channels after the last of the group; the first is `channel`.
fn padded(value: vec4<f32>, channel: u32, end: u32) -> vec4<f32> {
	return select(vec4(0.0), value, channel + vec4(0u, 1u, 2u, 3u) < vec4(end));
}

// Adds the products of a tap to 4 pixels, of which each has 4 input channels here.
fn added(sums: vec4<f32>, weight: vec4<f32>, a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) -> vec4<f32> {
	var total = fma(vec4(weight.x), vec4(a.x, b.x, c.x, d.x), sums);
	if (CHANNELS > 1u) { total = fma(vec4(weight.y), vec4(a.y, b.y, c.y, d.y), total); }
	if (CHANNELS > 2u) { total = fma(vec4(weight.z), vec4(a.z, b.z, c.z, d.z), total); }
	if (CHANNELS > 3u) { total = fma(vec4(weight.w), vec4(a.w, b.w, c.w, d.w), total); }
	return total;
}

// The sums of 4 pixels for each output channel.
struct Sums { o0: vec4<f32>, o1: vec4<f32>, o2: vec4<f32>, o3: vec4<f32> }

// Rows of a column, each with 4 input channels; and the weights of a window's taps. After ROWS rows and
// WINDOW taps come others that are not used.
struct Rows {
	v0: vec4<f32>, v1: vec4<f32>, v2: vec4<f32>, v3: vec4<f32>,
	v4: vec4<f32>, v5: vec4<f32>, v6: vec4<f32>, v7: vec4<f32>,
}
struct Weights { w0: vec4<f32>, w1: vec4<f32>, w2: vec4<f32>, w3: vec4<f32>, w4: vec4<f32> }

fn addWindow(sums: vec4<f32>, r: Rows, weights: Weights) -> vec4<f32> {
	var total = added(sums, weights.w0, r.v0, r.v1, r.v2, r.v3);
	if (WINDOW > 1u) { total = added(total, weights.w1, r.v1, r.v2, r.v3, r.v4); }
	if (WINDOW > 2u) { total = added(total, weights.w2, r.v2, r.v3, r.v4, r.v5); }
	if (WINDOW > 3u) { total = added(total, weights.w3, r.v3, r.v4, r.v5, r.v6); }
	if (WINDOW > 4u) { total = added(total, weights.w4, r.v4, r.v5, r.v6, r.v7); }
	return total;
}

fn store(at: u32, channel: u32, value: f32) {
	var sum = value;
	if (sizes.hasBias == 1u) { sum += bias[channel]; }
	// By bits, as in relu.wgsl, so that NaN passes.
	if (sizes.activation == 1u) { sum = select(sum, 0.0, bitcast<u32>(sum) - 0x80000000u <= 0x7f800000u); }
	if (sizes.activation == 2u) { sum = select(sum, 0.0, bitcast<u32>(mask[at]) == 0u); }
	y[at] = sum;
}

@compute @workgroup_size(LANES)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = slice.first + group.y * groups.x + group.x;
	if (workgroup >= slice.end) { return; }
	let groupInputs = sizes.inChannels / sizes.groups;
	let phaseHeight = (sizes.outHeight + sizes.outStepY - 1u) / sizes.outStepY;
	let phaseWidth = (sizes.outWidth + sizes.outStepX - 1u) / sizes.outStepX;
	let tilesX = (phaseWidth + sizes.tileWidth - 1u) / sizes.tileWidth;
	let tilesY = (phaseHeight + 4u * sizes.tileBlocks - 1u) / (4u * sizes.tileBlocks);
	let phases = sizes.outStepY * sizes.outStepX;
	let firstX = workgroup % tilesX * sizes.tileWidth;
	let firstY = workgroup / tilesX % tilesY * 4u * sizes.tileBlocks;
	let phase = workgroup / (tilesX * tilesY) % phases;
	let phaseY = phase / sizes.outStepX;
	let phaseX = phase % sizes.outStepX;
	let convGroup = workgroup / (tilesX * tilesY * phases) % sizes.groups;
	let firstImage = workgroup / (tilesX * tilesY * phases * sizes.groups) * sizes.tileImages;
	let tapsY = tapsOf(phaseY, sizes.originY, sizes.tapStepY, sizes.outStepY, sizes.tapPeriodY, sizes.kernelHeight);
	let tapsX = tapsOf(phaseX, sizes.originX, sizes.tapStepX, sizes.outStepX, sizes.tapPeriodX, sizes.kernelWidth);
	let windows = tapsY.count / WINDOW;
	// The last of a window's taps, if it reads the first row; how far the first tap is from the first column.
	let lastTap = select(0u, WINDOW - 1u, tapsY.step < 0);
	let firstColumn = max(0, (1 - i32(tapsX.count)) * tapsX.step);

	// The vectors of x that this invocation copies: quad, slot and column.
	let element = lane + LANES * vec4(0u, 1u, 2u, 3u);
	let columns = sizes.tileImages * sizes.regionWidth;
	let column = element % columns;
	let slot = element / columns % sizes.slots;
	let quad = element / (columns * sizes.slots);
	let windowRows = 4u * sizes.tileBlocks + WINDOW - 1u;
	let image = firstImage + column / sizes.regionWidth;
	let tapOfSlot = slot / windowRows * WINDOW + lastTap;
	let iy = vec4<u32>(vec4<i32>((firstY + slot % windowRows) * sizes.inStepY) + tapsY.reach + vec4<i32>(tapOfSlot) * tapsY.step);
	let ix = firstX * sizes.inStepX + column % sizes.regionWidth + u32(tapsX.reach - firstColumn);
	let inside = (iy < vec4(sizes.inHeight)) & (ix < vec4(sizes.inWidth)) & (image < vec4(sizes.batch));
	let copied = quad < vec4(sizes.quads);
	let channelOf = image * sizes.inChannels + convGroup * groupInputs + 4u * quad;
	var at = select(vec4(0u), (channelOf * sizes.inHeight + iy) * sizes.inWidth + ix, inside & copied);
	let to = min((quad * columns + column) * sizes.columnStride + slot, vec4(SIZE - 1u));

	// The vector of w: quad, window, tap of x, output, tap of the window.
	let windowColumns = windows * tapsX.count;
	let ofWindow = lane / WEIGHTS;
	let wQuad = ofWindow / max(windowColumns, 1u);
	let window = ofWindow / max(tapsX.count, 1u) % max(windows, 1u);
	let tapInWindow = lane % WINDOW;
	let tapY = tapsY.first + (window * WINDOW + select(tapInWindow, WINDOW - 1u - tapInWindow, tapsY.step < 0)) * sizes.tapPeriodY;
	let tapX = tapsX.first + ofWindow % max(tapsX.count, 1u) * sizes.tapPeriodX;
	let wCopied = lane < sizes.quads * windowColumns * WEIGHTS;
	var wAt = convGroup * sizes.groupStride + lane % WEIGHTS / WINDOW * sizes.outputStride + 4u * wQuad * sizes.inputStride + tapY * sizes.kernelWidth + tapX;
	let wTo = min(sizes.weightStart + lane, SIZE - 1u);

	// The pixels of this invocation.
	let blockColumns = sizes.tileImages * sizes.tileWidth;
	let blocks = blockColumns * sizes.tileBlocks;
	let block = lane % blocks;
	let part = lane / blocks;
	let blockX = block % blockColumns;
	let ownColumn = blockX / sizes.tileWidth * sizes.regionWidth + blockX % sizes.tileWidth * sizes.inStepX + u32(firstColumn);
	let own = ownColumn * sizes.columnStride + block / blockColumns * 4u;
	let columnStep = u32(tapsX.step) * sizes.columnStride;

	var sums: Sums;
	var b = loadBlock(at);
	var a = loadWeights(wAt);
	for (var first = 0u; first < groupInputs; first += 4u * sizes.quads) {
		b.v0 = select(vec4(0.0), b.v0, inside.x);
		b.v1 = select(vec4(0.0), b.v1, inside.y);
		b.v2 = select(vec4(0.0), b.v2, inside.z);
		b.v3 = select(vec4(0.0), b.v3, inside.w);
		// Outside of the branch that uses it, or its load is waited for in the loop.
		a = select(vec4(0.0), a, vec4(wCopied));
		if (first + 4u * sizes.quads > groupInputs) {
			let channel = first + 4u * quad;
			b.v0 = padded(b.v0, channel.x, groupInputs);
			b.v1 = padded(b.v1, channel.y, groupInputs);
			b.v2 = padded(b.v2, channel.z, groupInputs);
			b.v3 = padded(b.v3, channel.w, groupInputs);
			a = padded(a, first + 4u * wQuad, groupInputs);
		}
		workgroupBarrier();
		if (copied.x) { tile[to.x] = b.v0; }
		if (COPIES > 1u && copied.y) { tile[to.y] = b.v1; }
		if (COPIES > 2u && copied.z) { tile[to.z] = b.v2; }
		if (COPIES > 3u && copied.w) { tile[to.w] = b.v3; }
		if (wCopied) { tile[wTo] = a; }
		workgroupBarrier();
		at += 4u * sizes.quads * sizes.inHeight * sizes.inWidth;
		wAt += 4u * sizes.quads * sizes.inputStride;
		b = loadBlock(at);
		a = loadWeights(wAt);
		for (var i = 0u; i < sizes.partQuads; i++) {
			// Never true: it makes Mesa's compiler leave the loads before this loop.
			if (sizes.batch == 0u) { tile[lane] = a + b.v0 + b.v1 + b.v2 + b.v3; }
			let q = part * sizes.partQuads + i;
			for (var window = 0u; window < windows; window++) {
				var xStart = q * columns * sizes.columnStride + window * windowRows + own;
				var wStart = sizes.weightStart + (q * windows + window) * tapsX.count * WEIGHTS;
				for (var tap = 0u; tap < tapsX.count; tap++) {
					let x0 = min(xStart, SIZE - ROWS);
					let w0 = min(wStart, SIZE - WEIGHTS);
					let rows = Rows(
						tile[x0], tile[x0 + 1u], tile[x0 + 2u], tile[x0 + 3u],
						tile[x0 + 3u + TAP1], tile[x0 + 3u + TAP2], tile[x0 + 3u + TAP3], tile[x0 + 3u + TAP4],
					);
					sums.o0 = addWindow(sums.o0, rows, Weights(tile[w0], tile[w0 + TAP1], tile[w0 + TAP2], tile[w0 + TAP3], tile[w0 + TAP4]));
					if (OUTPUTS > 1u) {
						let w1 = w0 + WINDOW;
						sums.o1 = addWindow(sums.o1, rows, Weights(tile[w1], tile[w1 + TAP1], tile[w1 + TAP2], tile[w1 + TAP3], tile[w1 + TAP4]));
					}
					if (OUTPUTS > 2u) {
						let w2 = w0 + 2u * WINDOW;
						sums.o2 = addWindow(sums.o2, rows, Weights(tile[w2], tile[w2 + TAP1], tile[w2 + TAP2], tile[w2 + TAP3], tile[w2 + TAP4]));
					}
					if (OUTPUTS > 3u) {
						let w3 = w0 + 3u * WINDOW;
						sums.o3 = addWindow(sums.o3, rows, Weights(tile[w3], tile[w3 + TAP1], tile[w3 + TAP2], tile[w3 + TAP3], tile[w3 + TAP4]));
					}
					xStart += columnStep;
					wStart += WEIGHTS;
				}
			}
		}
	}

	workgroupBarrier();
	tile[lane] = sums.o0;
	if (OUTPUTS > 1u) { tile[LANES + lane] = sums.o1; }
	if (OUTPUTS > 2u) { tile[2u * LANES + lane] = sums.o2; }
	if (OUTPUTS > 3u) { tile[3u * LANES + lane] = sums.o3; }
	workgroupBarrier();
	let plane = sizes.outHeight * sizes.outWidth;
	for (var item = lane; item < OUTPUTS * blocks; item += LANES) {
		let itemBlock = item % blocks;
		var total = vec4(0.0);
		for (var p = 0u; p < sizes.parts; p++) { total += tile[item / blocks * LANES + p * blocks + itemBlock]; }
		let n = firstImage + itemBlock % blockColumns / sizes.tileWidth;
		let tx = firstX + itemBlock % blockColumns % sizes.tileWidth;
		let ox = tx * sizes.outStepX + phaseX;
		let channel = convGroup * OUTPUTS + item / blocks;
		for (var row = 0u; row < 4u; row++) {
			let oy = (firstY + itemBlock / blockColumns * 4u + row) * sizes.outStepY + phaseY;
			if (n < sizes.batch && ox < sizes.outWidth && oy < sizes.outHeight) {
				store((n * sizes.outChannels + channel) * plane + oy * sizes.outWidth + ox, channel, total[row]);
			}
		}
	}
}
