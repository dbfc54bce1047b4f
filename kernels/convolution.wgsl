// y[n, o, t·outStep + phase] = bias[o] + Σ_{i, tap} x[n, i, t·inStep + reach / outStep] · w[o, i, tap], in y
// and x each, with reach = phase + origin + tap·tapStep; a tap counts only if outStep divides its reach.
// Outside of the image x is 0.
//
// x      float32 [batch, inChannels, inHeight, inWidth]
// w      float32 [groups, ⌈outChannels / groups / 16⌉, kernelHeight · kernelWidth, inChannels / groups, 16],
//        from pack_weights.wgsl
// bias   float32 [outChannels], read if hasBias is 1 (else any buffer)
// mask   float32 as y, read if activation is 2 (else any buffer)
// y      float32 [batch, outChannels, outHeight, outWidth]
// sizes  activation: 0 none; 1 ReLU; 2 the result, or 0 if mask is 0 (the backward pass of a ReLU whose
//        output is mask)
// slice  the workgroups of this dispatch
//
// With inStep = stride S, outStep 1, origin −P and tapStep = dilation D it is the two-dimensional
// convolution (cross-correlation) of torch.nn.functional.conv2d: x is read at t·S − P + tap·D. With inStep
// 1, outStep = S, origin +P and tapStep −D it is torch.nn.functional.conv_transpose2d, which is also the
// input gradient of conv2d. Its outputs are grouped by phase (oy mod S, ox mod S): all outputs of a
// workgroup use the same taps, the others are skipped, and nothing is multiplied by inserted zeros.
//
// Register blocking: an invocation computes 4 pixels × 8 output channels of one group, so it uses each value
// of x 8 times and each weight 4 times. The 64 invocations of a workgroup have neighbouring pixels of one
// phase, 64 apart in each of the 4, so they read neighbouring words of x and the same weights. The sizes are
// no override constants, because a model has dozens of them and a CPU driver compiles this kernel for up to
// a second; the inner loop has no division, so they cost nothing measurable there. No features, default
// limits.
// Reference: test/reference/convolution.ts, conv2d
// Reference: test/reference/transposed_convolution.ts, convTranspose2d

// Groups of 4 output channels of an invocation: 2, or 1 if a group has at most 4 channels.
override QUARTERS: u32;

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

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> mask: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;
@group(0) @binding(6) var<uniform> slice: Slice;

fn store1(at: u32, sum: f32) {
	var result = sum;
	// By bits, as in relu.wgsl, so that NaN passes.
	if (sizes.activation == 1u) { result = select(sum, 0.0, bitcast<u32>(sum) - 0x80000000u <= 0x7f800000u); }
	if (sizes.activation == 2u) { result = select(sum, 0.0, bitcast<u32>(mask[at]) == 0u); }
	y[at] = result;
}

// Stores up to 4 channels of one pixel, from `channel` on.
fn store4(at: u32, channel: u32, end: u32, value: vec4<f32>) {
	let plane = sizes.outHeight * sizes.outWidth;
	var sum = value;
	if (sizes.hasBias == 1u) {
		let last = end - 1u;
		sum += vec4(bias[min(channel, last)], bias[min(channel + 1u, last)], bias[min(channel + 2u, last)], bias[min(channel + 3u, last)]);
	}
	if (channel < end) { store1(at, sum.x); }
	if (channel + 1u < end) { store1(at + plane, sum.y); }
	if (channel + 2u < end) { store1(at + 2u * plane, sum.z); }
	if (channel + 3u < end) { store1(at + 3u * plane, sum.w); }
}

fn store(p: u32, phaseY: u32, phaseX: u32, first: u32, end: u32, a: vec4<f32>, b: vec4<f32>) {
	let phaseWidth = (sizes.outWidth + sizes.outStepX - 1u) / sizes.outStepX;
	let phasePlane = (sizes.outHeight + sizes.outStepY - 1u) / sizes.outStepY * phaseWidth;
	let plane = sizes.outHeight * sizes.outWidth;
	let within = p % phasePlane;
	let oy = within / phaseWidth * sizes.outStepY + phaseY;
	let ox = within % phaseWidth * sizes.outStepX + phaseX;
	if (p >= sizes.batch * phasePlane || oy >= sizes.outHeight || ox >= sizes.outWidth) { return; }
	let base = (p / phasePlane * sizes.outChannels + first) * plane + oy * sizes.outWidth + ox;
	store4(base, first, end, a);
	if (QUARTERS > 1u) { store4(base + 4u * plane, first + 4u, end, b); }
}

@compute @workgroup_size(64)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = slice.first + group.y * groups.x + group.x;
	if (workgroup >= slice.end) { return; }
	let groupInputs = sizes.inChannels / sizes.groups;
	let groupOutputs = sizes.outChannels / sizes.groups;
	let blocks = (groupOutputs + 7u) / 8u;
	let phases = sizes.outStepY * sizes.outStepX;
	let phaseWidth = (sizes.outWidth + sizes.outStepX - 1u) / sizes.outStepX;
	let phasePlane = (sizes.outHeight + sizes.outStepY - 1u) / sizes.outStepY * phaseWidth;
	let inPlane = sizes.inHeight * sizes.inWidth;
	let block = workgroup % (sizes.groups * blocks);
	let convGroup = block / blocks;
	let packed = convGroup * ((groupOutputs + 15u) / 16u) + block % blocks / 2u;
	let half = block % blocks % 2u;
	let phase = workgroup / (sizes.groups * blocks) % phases;
	let phaseY = phase / sizes.outStepX;
	let phaseX = phase % sizes.outStepX;
	let p = workgroup / (sizes.groups * blocks * phases) * 256u + vec4(0u, 64u, 128u, 192u) + lane;
	let at = min(p, vec4(sizes.batch * phasePlane - 1u));
	let ty = vec4<i32>(at % phasePlane / phaseWidth * sizes.inStepY);
	let tx = vec4<i32>(at % phasePlane % phaseWidth * sizes.inStepX);
	let image = (at / phasePlane * sizes.inChannels + convGroup * groupInputs) * inPlane;

	var a0 = vec4(0.0);
	var b0 = a0;
	var a1 = a0;
	var b1 = a0;
	var a2 = a0;
	var b2 = a0;
	var a3 = a0;
	var b3 = a0;
	for (var ky = 0u; ky < sizes.kernelHeight; ky++) {
		let reachY = i32(phaseY) + sizes.originY + i32(ky) * sizes.tapStepY;
		if (reachY % i32(sizes.outStepY) != 0) { continue; }
		let iy = vec4<u32>(ty + reachY / i32(sizes.outStepY));
		let rowInside = iy < vec4(sizes.inHeight);
		for (var kx = 0u; kx < sizes.kernelWidth; kx++) {
			let reachX = i32(phaseX) + sizes.originX + i32(kx) * sizes.tapStepX;
			if (reachX % i32(sizes.outStepX) != 0) { continue; }
			let ix = vec4<u32>(tx + reachX / i32(sizes.outStepX));
			let inside = rowInside & (ix < vec4(sizes.inWidth));
			var source = select(vec4(0u), image + iy * sizes.inWidth + ix, inside);
			var row = (((packed * sizes.kernelHeight + ky) * sizes.kernelWidth + kx) * groupInputs) * 4u + half * 2u;
			for (var i = 0u; i < groupInputs; i++) {
				let values = select(vec4(0.0), vec4(x[source.x], x[source.y], x[source.z], x[source.w]), inside);
				let wa = w[row];
				a0 = fma(wa, values.xxxx, a0);
				a1 = fma(wa, values.yyyy, a1);
				a2 = fma(wa, values.zzzz, a2);
				a3 = fma(wa, values.wwww, a3);
				if (QUARTERS > 1u) {
					let wb = w[row + 1u];
					b0 = fma(wb, values.xxxx, b0);
					b1 = fma(wb, values.yyyy, b1);
					b2 = fma(wb, values.zzzz, b2);
					b3 = fma(wb, values.wwww, b3);
				}
				source += inPlane;
				row += 4u;
			}
		}
	}
	let first = convGroup * groupOutputs + block % blocks * 8u;
	let end = (convGroup + 1u) * groupOutputs;
	store(p.x, phaseY, phaseX, first, end, a0, b0);
	store(p.y, phaseY, phaseX, first, end, a1, b1);
	store(p.z, phaseY, phaseX, first, end, a2, b2);
	store(p.w, phaseY, phaseX, first, end, a3, b3);
}
