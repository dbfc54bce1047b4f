// y = the maximum (MAX 1) or the mean (MAX 0) of each window of x, y[o, v, u, i] over x[o, v · strideY − padY + a · dilationY,
// u · strideX − padX + b · dilationX, i] with a < kernelY, b < kernelX
//
// x          float32 [outer, height, width, inner]; contiguous images are [N · C, H, W, 1], blocked ones
//            [⌈N / 16⌉, H, W, C · 16]
// y          float32 [outer, outHeight, outWidth, inner]
// positions  uint32 as y: where the maximum is, row · width + column; written if MAX is 1
// sizes      the lengths of the axes and the window; countPad: whether the mean counts the padding as zeros
//
// Of equal elements the first is the maximum, and NaN is larger than all, as in PyTorch. Elements beyond the padding do not
// count. One invocation computes one element of y. No features, default limits.
// Reference: test/reference/pooling.ts, pool

struct Sizes {
	height: u32,
	width: u32,
	inner: u32,
	outHeight: u32,
	outWidth: u32,
	kernelY: u32,
	kernelX: u32,
	strideY: u32,
	strideX: u32,
	padY: u32,
	padX: u32,
	dilationY: u32,
	dilationX: u32,
	countPad: u32,
}

override MAX: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> positions: array<u32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let at = id.y * groups.x * 64u + id.x;
	if (at >= arrayLength(&y)) { return; }
	let i = at % sizes.inner;
	let column = at / sizes.inner;
	let row = column / sizes.outWidth;
	let startY = row % sizes.outHeight * sizes.strideY - sizes.padY;
	let startX = column % sizes.outWidth * sizes.strideX - sizes.padX;
	let base = row / sizes.outHeight * sizes.height * sizes.width;
	var best = 0.0;
	var position = 0xffffffffu;
	var total = 0.0;
	var count = 0u;
	for (var a = 0u; a < sizes.kernelY; a++) {
		let v = startY + a * sizes.dilationY;
		for (var b = 0u; b < sizes.kernelX; b++) {
			let u = startX + b * sizes.dilationX;
			// Modulo 2³²: what is before the first row is far behind the last one.
			if (v + sizes.padY < sizes.height + 2u * sizes.padY && u + sizes.padX < sizes.width + 2u * sizes.padX) { count++; }
			if (v >= sizes.height || u >= sizes.width) { continue; }
			let value = x[(base + v * sizes.width + u) * sizes.inner + i];
			if (MAX == 0u) {
				total += value;
				if (sizes.countPad == 0u) { position++; }
				continue;
			}
			if (position == 0xffffffffu || value > best || (isNan(value) && !isNan(best))) {
				best = value;
				position = v * sizes.width + u;
			}
		}
	}
	if (MAX == 1u) {
		// A window of padding alone has −∞, which a constant expression may not be.
		y[at] = select(best, bitcast<f32>(0xff800000u | (at & 0u)), position == 0xffffffffu);
		positions[at] = position;
	} else { y[at] = total / f32(select(position + 1u, count, sizes.countPad == 1u)); }
}
