// y[n, o, t·outStep + phase] = bias[o] + Σ_{i, tap} x[n, i, t·inStep + reach / outStep] · w[o, i, tap], in y
// and x each, with reach = phase + origin + tap·tapStep; a tap counts only if outStep divides its reach.
// Outside of the image x is 0. convolution.wgsl says how this is a convolution and a transposed convolution.
// One group.
//
// x      float32 [⌈batch / 16⌉, inHeight, inWidth, inChannels, 16], blocked
// w      float32 [⌈outChannels / (4 · SUBGROUP)⌉, taps, inChannels rounded up to 2, 4 · SUBGROUP], from
//        pack_weights.wgsl
// bias   float32 [outChannels], read if hasBias is 1 (else any buffer)
// mask   float32 as y, read if activation is 2 (else any buffer)
// y      float32 [⌈batch / 16⌉, outHeight, outWidth, outChannels, 16], blocked
// sizes  activation: 0 none; 1 ReLU; 2 the result, or 0 if mask is 0 (the backward pass of a ReLU whose
//        output is mask)
// slice  the workgroups of this dispatch
//
// For adapters on which a subgroup is cheap and a load of one word for each lane is expensive (lavapipe,
// SwiftShader). A workgroup is one subgroup of SUBGROUP lanes: 4, or 8 and more. It computes one output
// pixel of 16 images, a lane computes 4 output channels of it. Whether a tap is inside the image is the same
// for all of them. For two input channels and one tap the subgroup loads 32 values of x, which it then
// broadcasts, and a lane loads 4 weights for each. Needs the feature subgroups, and subgroups of exactly
// SUBGROUP lanes.
// Reference: test/reference/convolution.ts, conv2d
// Reference: test/reference/transposed_convolution.ts, convTranspose2d

enable subgroups;

override SUBGROUP: u32;

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
}

struct Slice { first: u32, end: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> mask: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> sizes: Sizes;
@group(0) @binding(6) var<uniform> slice: Slice;

// The images of 16 whose mask is not 0, as bits, for the 4 channels from `channel` on: 2 channels in a
// word. They are read before there are sums, and in loops whose length (4) the compiler does not know: on a
// CPU adapter a load is dozens of branches, and takes longer to compile the more registers are live across
// it.
fn unmasked(at: u32, channel: u32) -> vec2<u32> {
	var bits = vec2(0u);
	let four = min(4u, sizes.outChannels * 4u);
	for (var j = 0u; j < four; j++) {
		if (channel + j >= sizes.outChannels) { break; }
		for (var q = 0u; q < four; q++) {
			let quad = select(vec4(1u, 2u, 4u, 8u), vec4(0u), bitcast<vec4<u32>>(mask[at + 4u * j + q]) == vec4(0u));
			let shifted = (quad.x + quad.y + quad.z + quad.w) << (16u * (j & 1u) + 4u * q);
			bits |= select(vec2(0u, shifted), vec2(shifted, 0u), j < 2u);
		}
	}
	return bits;
}

// Stores 4 images of one channel, those whose bits are set. With a ReLU, `below` is the number of values
// that are not positive, compared by their bits as in relu.wgsl, so that NaN passes; else it is 0.
fn store4(at: u32, sum: vec4<f32>, below: u32, bits: u32) {
	let kept = select(sum, vec4(0.0), bitcast<vec4<u32>>(sum) - vec4(0x80000000u) < vec4(below));
	y[at] = select(vec4(0.0), kept, (vec4(bits) & vec4(1u, 2u, 4u, 8u)) != vec4(0u));
}

// Stores one channel of 16 images.
fn store(at: u32, channel: u32, kept: u32, a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) {
	if (channel >= sizes.outChannels) { return; }
	let offset = select(0.0, bias[channel], sizes.hasBias == 1u);
	let below = select(0u, 0x7f800001u, sizes.activation == 1u);
	store4(at, a + offset, below, kept);
	store4(at + 1u, b + offset, below, kept >> 4u);
	store4(at + 2u, c + offset, below, kept >> 8u);
	store4(at + 3u, d + offset, below, kept >> 12u);
}

// The taps of one axis that read inside of the image: how many, the first, the step between them, and the
// inputs that they read.
struct Taps { count: u32, first: u32, step: u32, source: i32, sourceStep: i32 }

fn tapsInside(start: i32, tapStep: i32, taps: u32, outStep: i32, length: u32) -> Taps {
	var inside = Taps(0u, 0u, 0u, 0i, 0i);
	for (var tap = 0u; tap < taps; tap++) {
		let reach = start + i32(tap) * tapStep;
		let source = reach / outStep;
		if (reach >= 0 && reach == source * outStep && source < i32(length)) {
			if (inside.count == 0u) {
				inside.first = tap;
				inside.source = source;
			}
			if (inside.count == 1u) {
				inside.step = tap - inside.first;
				inside.sourceStep = source - inside.source;
			}
			inside.count++;
		}
	}
	return inside;
}

@compute @workgroup_size(SUBGROUP)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = slice.first + group.y * groups.x + group.x;
	if (workgroup >= slice.end) { return; }
	let blocks = (sizes.outChannels + 4u * SUBGROUP - 1u) / (4u * SUBGROUP);
	let outPlane = sizes.outHeight * sizes.outWidth;
	let inputs = (sizes.inChannels + 1u) / 2u * 2u;
	let block = workgroup % blocks;
	let pixel = workgroup / blocks % outPlane;
	let images = workgroup / (blocks * outPlane);
	// Numerators of the input's row and column: they grow by tapStep with each tap, and if outStep divides
	// them the tap reads an input.
	let startY = i32(pixel / sizes.outWidth * sizes.inStepY) + sizes.originY;
	let startX = i32(pixel % sizes.outWidth * sizes.inStepX) + sizes.originX;
	let outStepY = i32(sizes.outStepY);
	let outStepX = i32(sizes.outStepX);
	let channel = (block * SUBGROUP + lane) * 4u;
	let at = ((images * outPlane + pixel) * sizes.outChannels + channel) * 4u;
	var kept = vec2(0xffffffffu);
	if (sizes.activation == 2u) { kept = unmasked(at, channel); }
	let second = (lane / 4u) & 1u;
	let pixelLength = sizes.inChannels * 4u;
	let base = images * sizes.inHeight * sizes.inWidth * pixelLength + (lane & 3u);

	var a0 = vec4(0.0);
	var a1 = a0;
	var a2 = a0;
	var a3 = a0;
	var a4 = a0;
	var a5 = a0;
	var a6 = a0;
	var a7 = a0;
	var a8 = a0;
	var a9 = a0;
	var a10 = a0;
	var a11 = a0;
	var a12 = a0;
	var a13 = a0;
	var a14 = a0;
	var a15 = a0;
	let tapsY = tapsInside(startY, sizes.tapStepY, sizes.kernelHeight, outStepY, sizes.inHeight);
	let tapsX = tapsInside(startX, sizes.tapStepX, sizes.kernelWidth, outStepX, sizes.inWidth);
	// One loop over taps and inputs: with nested loops the 16 sums would be live across each of them.
	let steps = tapsY.count * tapsX.count * (inputs / 2u);
	let rowLength = inputs * SUBGROUP;
	var ny = 0u;
	var nx = 0u;
	var i = 0u;
	var source = base + u32(tapsY.source * i32(sizes.inWidth) + tapsX.source) * pixelLength;
	var row = ((block * sizes.kernelHeight + tapsY.first) * sizes.kernelWidth + tapsX.first) * rowLength + lane;
	for (var step = 0u; step < steps; step++) {
		let last = min(i + 1u, sizes.inChannels - 1u);
		// If there is no second channel, its values are zeros: an infinite value times the weight 0 would
		// be NaN.
		let single = last == i;
		var values: vec4<f32>;
		var t0: vec4<f32>;
		var t1: vec4<f32>;
		var t2: vec4<f32>;
		var t3: vec4<f32>;
		if (SUBGROUP == 4u) {
			values = x[source + i * 4u];
			let others = select(x[source + last * 4u], vec4(0.0), single);
			t0 = subgroupBroadcast(others, 0u);
			t1 = subgroupBroadcast(others, 1u);
			t2 = subgroupBroadcast(others, 2u);
			t3 = subgroupBroadcast(others, 3u);
		} else {
			values = select(x[source + select(i, last, second == 1u) * 4u], vec4(0.0), single && second == 1u);
			t0 = subgroupBroadcast(values, 4u);
			t1 = subgroupBroadcast(values, 5u);
			t2 = subgroupBroadcast(values, 6u);
			t3 = subgroupBroadcast(values, 7u);
		}
		let w0 = w[row];
		let w1 = w[row + SUBGROUP];
		let s0 = subgroupBroadcast(values, 0u);
		a0 = fma(w1, t0.xxxx, fma(w0, s0.xxxx, a0));
		a1 = fma(w1, t0.yyyy, fma(w0, s0.yyyy, a1));
		a2 = fma(w1, t0.zzzz, fma(w0, s0.zzzz, a2));
		a3 = fma(w1, t0.wwww, fma(w0, s0.wwww, a3));
		let s1 = subgroupBroadcast(values, 1u);
		a4 = fma(w1, t1.xxxx, fma(w0, s1.xxxx, a4));
		a5 = fma(w1, t1.yyyy, fma(w0, s1.yyyy, a5));
		a6 = fma(w1, t1.zzzz, fma(w0, s1.zzzz, a6));
		a7 = fma(w1, t1.wwww, fma(w0, s1.wwww, a7));
		let s2 = subgroupBroadcast(values, 2u);
		a8 = fma(w1, t2.xxxx, fma(w0, s2.xxxx, a8));
		a9 = fma(w1, t2.yyyy, fma(w0, s2.yyyy, a9));
		a10 = fma(w1, t2.zzzz, fma(w0, s2.zzzz, a10));
		a11 = fma(w1, t2.wwww, fma(w0, s2.wwww, a11));
		let s3 = subgroupBroadcast(values, 3u);
		a12 = fma(w1, t3.xxxx, fma(w0, s3.xxxx, a12));
		a13 = fma(w1, t3.yyyy, fma(w0, s3.yyyy, a13));
		a14 = fma(w1, t3.zzzz, fma(w0, s3.zzzz, a14));
		a15 = fma(w1, t3.wwww, fma(w0, s3.wwww, a15));
		i += 2u;
		row += 2u * SUBGROUP;
		if (i >= sizes.inChannels) {
			i = 0u;
			nx++;
			if (nx == tapsX.count) {
				nx = 0u;
				ny++;
			}
			source = base + u32((tapsY.source + i32(ny) * tapsY.sourceStep) * i32(sizes.inWidth) + tapsX.source + i32(nx) * tapsX.sourceStep) * pixelLength;
			row = ((block * sizes.kernelHeight + tapsY.first + ny * tapsY.step) * sizes.kernelWidth + tapsX.first + nx * tapsX.step) * rowLength + lane;
		}
	}
	store(at, channel, kept.x, vec4(a0.x, a1.x, a2.x, a3.x), vec4(a4.x, a5.x, a6.x, a7.x), vec4(a8.x, a9.x, a10.x, a11.x), vec4(a12.x, a13.x, a14.x, a15.x));
	store(at + 4u, channel + 1u, kept.x >> 16u, vec4(a0.y, a1.y, a2.y, a3.y), vec4(a4.y, a5.y, a6.y, a7.y), vec4(a8.y, a9.y, a10.y, a11.y), vec4(a12.y, a13.y, a14.y, a15.y));
	store(at + 8u, channel + 2u, kept.y, vec4(a0.z, a1.z, a2.z, a3.z), vec4(a4.z, a5.z, a6.z, a7.z), vec4(a8.z, a9.z, a10.z, a11.z), vec4(a12.z, a13.z, a14.z, a15.z));
	store(at + 12u, channel + 3u, kept.y >> 16u, vec4(a0.w, a1.w, a2.w, a3.w), vec4(a4.w, a5.w, a6.w, a7.w), vec4(a8.w, a9.w, a10.w, a11.w), vec4(a12.w, a13.w, a14.w, a15.w));
}
