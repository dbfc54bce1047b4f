// y[n, o, oy, ox] = bias[o] + Σ_{i, ky, kx} x[n, i, oy·S − P + ky·D, ox·S − P + kx·D] · w[o, i, ky, kx]
//
// Two-dimensional cross-correlation with stride S, zero padding P, dilation D and groups, as torch.nn.functional.conv2d.
// x     float32 [BATCH, IN_CHANNELS, IN_HEIGHT, IN_WIDTH]
// w     float32 [OUT_CHANNELS, IN_CHANNELS / GROUPS, KERNEL_HEIGHT, KERNEL_WIDTH]
// bias  float32 [OUT_CHANNELS], read where HAS_BIAS is 1 (else any buffer)
// y     float32 [BATCH, OUT_CHANNELS, OUT_HEIGHT, OUT_WIDTH]
//
// Direct convolution with register blocking: an invocation holds 4 pixels × 8 output channels of one group, so each
// value of x it loads is used 8 times and each weight 4 times. The 64 invocations of a workgroup hold neighbouring pixels
// (of the flattened batch, height and width), 64 apart in each of the 4 steps, so that they read neighbouring words of x
// and all of them the same weight. No features, default limits.

override BATCH: u32;
override IN_CHANNELS: u32;
override IN_HEIGHT: u32;
override IN_WIDTH: u32;
override OUT_CHANNELS: u32;
override OUT_HEIGHT: u32;
override OUT_WIDTH: u32;
override KERNEL_HEIGHT: u32;
override KERNEL_WIDTH: u32;
override STRIDE_Y: u32;
override STRIDE_X: u32;
override PADDING_Y: u32;
override PADDING_X: u32;
override DILATION_Y: u32;
override DILATION_X: u32;
override GROUPS: u32;
override HAS_BIAS: u32;

override GROUP_INPUTS = IN_CHANNELS / GROUPS;
override GROUP_OUTPUTS = OUT_CHANNELS / GROUPS;
override CHANNEL_BLOCKS = (GROUP_OUTPUTS + 7u) / 8u;
override TAPS = KERNEL_HEIGHT * KERNEL_WIDTH;
override WEIGHTS_PER_OUTPUT = GROUP_INPUTS * TAPS;
override OUT_PLANE = OUT_HEIGHT * OUT_WIDTH;
override PIXELS = BATCH * OUT_PLANE;

struct Slice { first: u32, end: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> slice: Slice;

// Where an output pixel reads: its image's first element and the input position of its kernel's first tap.
struct Pixel { image: u32, y: i32, x: i32 }

fn pixel(p: u32) -> Pixel {
	let within = p % OUT_PLANE;
	return Pixel(
		(p / OUT_PLANE) * IN_CHANNELS * IN_HEIGHT * IN_WIDTH,
		i32(within / OUT_WIDTH * STRIDE_Y) - i32(PADDING_Y),
		i32(within % OUT_WIDTH * STRIDE_X) - i32(PADDING_X),
	);
}

fn load(at: Pixel, channel: u32, ky: u32, kx: u32) -> f32 {
	let iy = at.y + i32(ky * DILATION_Y);
	let ix = at.x + i32(kx * DILATION_X);
	let inside = u32(iy) < IN_HEIGHT && u32(ix) < IN_WIDTH; // a negative position wraps to a huge one
	let index = at.image + (channel * IN_HEIGHT + u32(iy)) * IN_WIDTH + u32(ix);
	return select(0.0, x[select(0u, index, inside)], inside);
}

fn biasOf(o: u32) -> f32 {
	if (HAS_BIAS == 1u) { return bias[min(o, OUT_CHANNELS - 1u)]; }
	return 0.0;
}

fn store(p: u32, first: u32, end: u32, low: vec4<f32>, high: vec4<f32>) {
	if (p >= PIXELS) { return; }
	let base = (p / OUT_PLANE) * OUT_CHANNELS * OUT_PLANE + p % OUT_PLANE;
	y[base + first * OUT_PLANE] = low.x;
	if (first + 1u < end) { y[base + (first + 1u) * OUT_PLANE] = low.y; }
	if (first + 2u < end) { y[base + (first + 2u) * OUT_PLANE] = low.z; }
	if (first + 3u < end) { y[base + (first + 3u) * OUT_PLANE] = low.w; }
	if (first + 4u < end) { y[base + (first + 4u) * OUT_PLANE] = high.x; }
	if (first + 5u < end) { y[base + (first + 5u) * OUT_PLANE] = high.y; }
	if (first + 6u < end) { y[base + (first + 6u) * OUT_PLANE] = high.z; }
	if (first + 7u < end) { y[base + (first + 7u) * OUT_PLANE] = high.w; }
}

@compute @workgroup_size(64)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = slice.first + group.y * groups.x + group.x;
	if (workgroup >= slice.end) { return; }
	let channelBlock = workgroup % (GROUPS * CHANNEL_BLOCKS);
	let convGroup = channelBlock / CHANNEL_BLOCKS;
	let firstOutput = convGroup * GROUP_OUTPUTS + (channelBlock % CHANNEL_BLOCKS) * 8u;
	let endOutput = (convGroup + 1u) * GROUP_OUTPUTS;
	let firstInput = convGroup * GROUP_INPUTS;

	let p0 = workgroup / (GROUPS * CHANNEL_BLOCKS) * 256u + lane;
	let last = PIXELS - 1u;
	let pixel0 = pixel(min(p0, last));
	let pixel1 = pixel(min(p0 + 64u, last));
	let pixel2 = pixel(min(p0 + 128u, last));
	let pixel3 = pixel(min(p0 + 192u, last));

	// The rows of w that the 8 output channels read; channels past the group's end repeat its last one.
	let o0 = firstOutput * WEIGHTS_PER_OUTPUT;
	let o1 = min(firstOutput + 1u, endOutput - 1u) * WEIGHTS_PER_OUTPUT;
	let o2 = min(firstOutput + 2u, endOutput - 1u) * WEIGHTS_PER_OUTPUT;
	let o3 = min(firstOutput + 3u, endOutput - 1u) * WEIGHTS_PER_OUTPUT;
	let o4 = min(firstOutput + 4u, endOutput - 1u) * WEIGHTS_PER_OUTPUT;
	let o5 = min(firstOutput + 5u, endOutput - 1u) * WEIGHTS_PER_OUTPUT;
	let o6 = min(firstOutput + 6u, endOutput - 1u) * WEIGHTS_PER_OUTPUT;
	let o7 = min(firstOutput + 7u, endOutput - 1u) * WEIGHTS_PER_OUTPUT;

	let lowBias = vec4(biasOf(firstOutput), biasOf(firstOutput + 1u), biasOf(firstOutput + 2u), biasOf(firstOutput + 3u));
	let highBias = vec4(biasOf(firstOutput + 4u), biasOf(firstOutput + 5u), biasOf(firstOutput + 6u), biasOf(firstOutput + 7u));
	var low0 = lowBias;
	var low1 = lowBias;
	var low2 = lowBias;
	var low3 = lowBias;
	var high0 = highBias;
	var high1 = highBias;
	var high2 = highBias;
	var high3 = highBias;

	// One flat loop over the taps of all input channels: nested, drivers unroll the kernel's rows and compile for seconds.
	for (var tap = 0u; tap < WEIGHTS_PER_OUTPUT; tap++) {
		let wLow = vec4(w[o0 + tap], w[o1 + tap], w[o2 + tap], w[o3 + tap]);
		let wHigh = vec4(w[o4 + tap], w[o5 + tap], w[o6 + tap], w[o7 + tap]);
		let channel = firstInput + tap / TAPS;
		let ky = tap % TAPS / KERNEL_WIDTH;
		let kx = tap % KERNEL_WIDTH;
		let x0 = vec4(load(pixel0, channel, ky, kx));
		let x1 = vec4(load(pixel1, channel, ky, kx));
		let x2 = vec4(load(pixel2, channel, ky, kx));
		let x3 = vec4(load(pixel3, channel, ky, kx));
		low0 = fma(x0, wLow, low0);
		low1 = fma(x1, wLow, low1);
		low2 = fma(x2, wLow, low2);
		low3 = fma(x3, wLow, low3);
		if (GROUP_OUTPUTS > 4u) {
			high0 = fma(x0, wHigh, high0);
			high1 = fma(x1, wHigh, high1);
			high2 = fma(x2, wHigh, high2);
			high3 = fma(x3, wHigh, high3);
		}
	}

	store(p0, firstOutput, endOutput, low0, high0);
	store(p0 + 64u, firstOutput, endOutput, low1, high1);
	store(p0 + 128u, firstOutput, endOutput, low2, high2);
	store(p0 + 192u, firstOutput, endOutput, low3, high3);
}
