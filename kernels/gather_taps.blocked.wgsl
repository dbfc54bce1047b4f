// y[n, o, p] = bias[o] + Σ_tap t[n, o · taps + tap, q], with q the input pixel that the tap reads for output
// pixel p; a tap that reads outside of the image counts 0
//
// t      float32 [⌈batch / 16⌉, inHeight, inWidth, outChannels · kernelHeight · kernelWidth, 16], blocked
// bias   float32 [outChannels], read if hasBias is 1 (else any buffer)
// mask   float32 as y, read if activation is 2 (else any buffer)
// y      float32 [⌈batch / 16⌉, outHeight, outWidth, outChannels, 16], blocked
// sizes  as in convolution.blocked.wgsl
//
// The second half of a convolution with few output channels (ops/convolution/blocked.ts): the first half
// multiplies every input pixel with the weights of all taps, as a convolution with a kernel of 1 × 1 and
// outChannels · taps channels.
//
// One invocation computes an output pixel of 4 images. No features, default limits.
// Reference: test/reference/convolution.ts, conv2d
// Reference: test/reference/transposed_convolution.ts, convTranspose2d

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

@group(0) @binding(0) var<storage, read> t: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read> mask: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let index = id.y * groups.x * 64u + id.x;
	if (index >= arrayLength(&y)) { return; }
	let outPlane = sizes.outHeight * sizes.outWidth;
	let inPlane = sizes.inHeight * sizes.inWidth;
	let taps = sizes.kernelHeight * sizes.kernelWidth;
	let channel = index / 4u % sizes.outChannels;
	let pixel = index / (4u * sizes.outChannels) % outPlane;
	let images = index / (4u * sizes.outChannels * outPlane);
	let startY = i32(pixel / sizes.outWidth * sizes.inStepY) + sizes.originY;
	let startX = i32(pixel % sizes.outWidth * sizes.inStepX) + sizes.originX;
	var sum = vec4(select(0.0, bias[channel], sizes.hasBias == 1u));
	for (var ky = 0u; ky < sizes.kernelHeight; ky++) {
		let reachY = startY + i32(ky) * sizes.tapStepY;
		let iy = reachY / i32(sizes.outStepY);
		let insideY = reachY >= 0 && iy * i32(sizes.outStepY) == reachY && iy < i32(sizes.inHeight);
		for (var kx = 0u; kx < sizes.kernelWidth; kx++) {
			let reachX = startX + i32(kx) * sizes.tapStepX;
			let ix = reachX / i32(sizes.outStepX);
			let inside = insideY && reachX >= 0 && ix * i32(sizes.outStepX) == reachX && ix < i32(sizes.inWidth);
			let source = images * inPlane + u32(iy * i32(sizes.inWidth) + ix);
			let tap = channel * taps + ky * sizes.kernelWidth + kx;
			let at = (source * sizes.outChannels * taps + tap) * 4u + index % 4u;
			sum += select(vec4(0.0), t[select(0u, at, inside)], inside);
		}
	}
	// By bits, as in relu.wgsl, so that NaN passes.
	if (sizes.activation == 1u) { sum = select(sum, vec4(0.0), bitcast<vec4<u32>>(sum) - vec4(0x80000000u) <= vec4(0x7f800000u)); }
	if (sizes.activation == 2u) { sum = select(sum, vec4(0.0), bitcast<vec4<u32>>(mask[index]) == vec4(0u)); }
	y[index] = sum;
}
