// y = the maximum (MAX 1) or the mean (MAX 0) of each window of x, y[o, v, u, i] over x[o, v · strideY − padY + a · dilationY,
// u · strideX − padX + b · dilationX, i] with a < kernelY, b < kernelX
//
// x          float32 [outer, height, width, inner]; contiguous images are [N · C, H, W, 1], blocked ones
//            [⌈N / 16⌉, H, W, C · 16]
// y          float32 [outer, outHeight, outWidth, inner]
// positions  uint32 as y: where the maximum is, row · width + column; written if MAX is 1
//
// Of equal elements the first is the maximum, and NaN is larger than all, as in PyTorch. COUNT_PAD says whether the mean
// counts the padding as zeros; elements beyond the padding do not count. One invocation computes one element of y. No features, default limits.
// Reference: test/reference/pooling.ts, pool

override HEIGHT: u32;
override WIDTH: u32;
override INNER: u32;
override OUT_HEIGHT: u32;
override OUT_WIDTH: u32;
override KERNEL_Y: u32;
override KERNEL_X: u32;
override STRIDE_Y: u32;
override STRIDE_X: u32;
override PAD_Y: u32;
override PAD_X: u32;
override DILATION_Y: u32;
override DILATION_X: u32;
override COUNT_PAD: u32;
override MAX: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> positions: array<u32>;

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let at = id.y * groups.x * 64u + id.x;
	if (at >= arrayLength(&y)) { return; }
	let i = at % INNER;
	let column = at / INNER;
	let row = column / OUT_WIDTH;
	let startY = row % OUT_HEIGHT * STRIDE_Y - PAD_Y;
	let startX = column % OUT_WIDTH * STRIDE_X - PAD_X;
	let base = row / OUT_HEIGHT * HEIGHT * WIDTH;
	var best = 0.0;
	var position = 0xffffffffu;
	var total = 0.0;
	var count = 0u;
	for (var a = 0u; a < KERNEL_Y; a++) {
		let v = startY + a * DILATION_Y;
		for (var b = 0u; b < KERNEL_X; b++) {
			let u = startX + b * DILATION_X;
			// Modulo 2³²: what is before the first row is far behind the last one.
			if (v + PAD_Y < HEIGHT + 2u * PAD_Y && u + PAD_X < WIDTH + 2u * PAD_X) { count++; }
			if (v >= HEIGHT || u >= WIDTH) { continue; }
			let value = x[(base + v * WIDTH + u) * INNER + i];
			if (MAX == 0u) {
				total += value;
				if (COUNT_PAD == 0u) { position++; }
				continue;
			}
			if (position == 0xffffffffu || value > best || (isNan(value) && !isNan(best))) {
				best = value;
				position = v * WIDTH + u;
			}
		}
	}
	if (MAX == 1u) {
		// A window of padding alone has −∞, which a constant expression may not be.
		y[at] = select(best, bitcast<f32>(0xff800000u | (at & 0u)), position == 0xffffffffu);
		positions[at] = position;
	} else { y[at] = total / f32(select(position + 1u, count, COUNT_PAD == 1u)); }
}
