// y[n, o, oy, ox] = bias[o] + Σ x[n, i, iy, ix] · w[i, o, ky, kx] over all i, ky, kx, iy, ix with
//   oy = iy·S − P + ky·D  and  ox = ix·S − P + kx·D
//
// Transposed convolution with stride S, padding P, dilation D and groups, as torch.nn.functional.conv_transpose2d; also
// the input gradient of conv2d (x is then the gradient of conv2d's output, y that of its input).
// x     float32 [BATCH, IN_CHANNELS, IN_HEIGHT, IN_WIDTH]
// w     float32 [IN_CHANNELS, OUT_CHANNELS / GROUPS, KERNEL_HEIGHT, KERNEL_WIDTH]
// bias  float32 [OUT_CHANNELS], read where HAS_BIAS is 1 (else any buffer)
// y     float32 [BATCH, OUT_CHANNELS, OUT_HEIGHT, OUT_WIDTH]
//
// By output phase: outputs with the same (oy mod S, ox mod S) use the same taps of the kernel, so a workgroup works on
// one phase and skips the other taps for all its invocations at once; nothing is multiplied by inserted zeros. Within a
// phase it is a convolution with stride 1, blocked as in conv2d.wgsl: 4 pixels × 8 output channels an invocation.
// No features, default limits.

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
override OUT_PLANE = OUT_HEIGHT * OUT_WIDTH;
// The outputs of one phase, the largest (phase 0): in the others the last row or column may lie outside.
override PHASE_HEIGHT = (OUT_HEIGHT + STRIDE_Y - 1u) / STRIDE_Y;
override PHASE_WIDTH = (OUT_WIDTH + STRIDE_X - 1u) / STRIDE_X;
override PHASE_PIXELS = BATCH * PHASE_HEIGHT * PHASE_WIDTH;
override PHASES = STRIDE_Y * STRIDE_X;

struct Slice { first: u32, end: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> slice: Slice;

// An output of a phase: its image and its position counted in strides.
struct Pixel { image: u32, y: u32, x: u32 }

fn pixel(p: u32) -> Pixel {
	return Pixel(p / (PHASE_HEIGHT * PHASE_WIDTH), p / PHASE_WIDTH % PHASE_HEIGHT, p % PHASE_WIDTH);
}

fn load(at: Pixel, channel: u32, offsetY: i32, offsetX: i32) -> f32 {
	let iy = u32(i32(at.y) + offsetY);
	let ix = u32(i32(at.x) + offsetX);
	let inside = iy < IN_HEIGHT && ix < IN_WIDTH; // a negative position wraps to a huge one
	let index = ((at.image * IN_CHANNELS + channel) * IN_HEIGHT + iy) * IN_WIDTH + ix;
	return select(0.0, x[select(0u, index, inside)], inside);
}

fn biasOf(o: u32) -> f32 {
	if (HAS_BIAS == 1u) { return bias[min(o, OUT_CHANNELS - 1u)]; }
	return 0.0;
}

fn store(p: u32, phaseY: u32, phaseX: u32, first: u32, end: u32, low: vec4<f32>, high: vec4<f32>) {
	let at = pixel(min(p, PHASE_PIXELS - 1u));
	let oy = at.y * STRIDE_Y + phaseY;
	let ox = at.x * STRIDE_X + phaseX;
	if (p >= PHASE_PIXELS || oy >= OUT_HEIGHT || ox >= OUT_WIDTH) { return; }
	let base = at.image * OUT_CHANNELS * OUT_PLANE + oy * OUT_WIDTH + ox;
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
	let blockInGroup = (channelBlock % CHANNEL_BLOCKS) * 8u;
	let firstOutput = convGroup * GROUP_OUTPUTS + blockInGroup;
	let endOutput = (convGroup + 1u) * GROUP_OUTPUTS;
	let phase = workgroup / (GROUPS * CHANNEL_BLOCKS) % PHASES;
	let phaseY = phase / STRIDE_X;
	let phaseX = phase % STRIDE_X;

	let p0 = workgroup / (GROUPS * CHANNEL_BLOCKS * PHASES) * 256u + lane;
	let last = PHASE_PIXELS - 1u;
	let pixel0 = pixel(min(p0, last));
	let pixel1 = pixel(min(p0 + 64u, last));
	let pixel2 = pixel(min(p0 + 128u, last));
	let pixel3 = pixel(min(p0 + 192u, last));

	// Where in w the 8 output channels start; channels past the group's end repeat its last one.
	let lastInGroup = GROUP_OUTPUTS - 1u;
	let o0 = blockInGroup * TAPS;
	let o1 = min(blockInGroup + 1u, lastInGroup) * TAPS;
	let o2 = min(blockInGroup + 2u, lastInGroup) * TAPS;
	let o3 = min(blockInGroup + 3u, lastInGroup) * TAPS;
	let o4 = min(blockInGroup + 4u, lastInGroup) * TAPS;
	let o5 = min(blockInGroup + 5u, lastInGroup) * TAPS;
	let o6 = min(blockInGroup + 6u, lastInGroup) * TAPS;
	let o7 = min(blockInGroup + 7u, lastInGroup) * TAPS;

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

	for (var tap = 0u; tap < TAPS; tap++) {
		let reachY = i32(phaseY + PADDING_Y) - i32(tap / KERNEL_WIDTH * DILATION_Y);
		let reachX = i32(phaseX + PADDING_X) - i32(tap % KERNEL_WIDTH * DILATION_X);
		if (reachY % i32(STRIDE_Y) != 0 || reachX % i32(STRIDE_X) != 0) { continue; }
		let offsetY = reachY / i32(STRIDE_Y);
		let offsetX = reachX / i32(STRIDE_X);
		for (var i = 0u; i < GROUP_INPUTS; i++) {
			let channel = convGroup * GROUP_INPUTS + i;
			let row = channel * GROUP_OUTPUTS * TAPS + tap;
			let wLow = vec4(w[o0 + row], w[o1 + row], w[o2 + row], w[o3 + row]);
			let wHigh = vec4(w[o4 + row], w[o5 + row], w[o6 + row], w[o7 + row]);
			let x0 = vec4(load(pixel0, channel, offsetY, offsetX));
			let x1 = vec4(load(pixel1, channel, offsetY, offsetX));
			let x2 = vec4(load(pixel2, channel, offsetY, offsetX));
			let x3 = vec4(load(pixel3, channel, offsetY, offsetX));
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
	}

	store(p0, phaseY, phaseX, firstOutput, endOutput, low0, high0);
	store(p0 + 64u, phaseY, phaseX, firstOutput, endOutput, low1, high1);
	store(p0 + 128u, phaseY, phaseX, firstOutput, endOutput, low2, high2);
	store(p0 + 192u, phaseY, phaseX, firstOutput, endOutput, low3, high3);
}
