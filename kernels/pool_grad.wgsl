// dx[o, v, u, i] = Σ dy over the windows whose maximum is there (MAX 1), or Σ dy / elements of the window over all windows
// with it (MAX 0), in row-major order of the windows
//
// dy         float32 [outer, outHeight, outWidth, inner]
// positions  uint32 as dy, of pool.wgsl; read if MAX is 1
// dx         float32 [outer, height, width, inner]
// sizes      the lengths of the axes and the window; countPad: whether the mean counts the padding as zeros
//
// One invocation computes one element of dx: it visits the windows that may have it. No features, default limits.
// Reference: test/reference/pooling.ts, poolBackward

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

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> positions: array<u32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

// How many elements of a window that starts at `start` (modulo 2³²) are in [0, length), or with the padding.
fn countOf(start: u32, kernel: u32, length: u32, pad: u32) -> u32 {
	let first = i32(start);
	let end = first + i32(kernel);
	if (sizes.countPad == 1u) { return u32(min(end, i32(length + pad)) - first); }
	return u32(min(end, i32(length)) - max(first, 0));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let at = id.y * groups.x * 64u + id.x;
	if (at >= arrayLength(&dx)) { return; }
	let i = at % sizes.inner;
	let pixel = at / sizes.inner;
	let u = pixel % sizes.width;
	let v = pixel / sizes.width % sizes.height;
	let base = pixel / sizes.width / sizes.height * sizes.outHeight * sizes.outWidth;
	// The window of row a has this one as its element k if a · stride + k · dilation = v + pad.
	var total = 0.0;
	let lastY = (v + sizes.padY) / sizes.strideY;
	let spanY = (sizes.kernelY - 1u) * sizes.dilationY;
	let firstY = (max(v + sizes.padY, spanY) - spanY + sizes.strideY - 1u) / sizes.strideY;
	let lastX = (u + sizes.padX) / sizes.strideX;
	let spanX = (sizes.kernelX - 1u) * sizes.dilationX;
	let firstX = (max(u + sizes.padX, spanX) - spanX + sizes.strideX - 1u) / sizes.strideX;
	for (var a = firstY; a <= min(lastY, sizes.outHeight - 1u); a++) {
		if ((v + sizes.padY - a * sizes.strideY) % sizes.dilationY != 0u) { continue; }
		for (var b = firstX; b <= min(lastX, sizes.outWidth - 1u); b++) {
			if ((u + sizes.padX - b * sizes.strideX) % sizes.dilationX != 0u) { continue; }
			let window = (base + a * sizes.outWidth + b) * sizes.inner + i;
			if (MAX == 1u) {
				if (positions[window] == v * sizes.width + u) { total += dy[window]; }
				continue;
			}
			let rows = countOf(a * sizes.strideY - sizes.padY, sizes.kernelY, sizes.height, sizes.padY);
			let columns = countOf(b * sizes.strideX - sizes.padX, sizes.kernelX, sizes.width, sizes.padX);
			total += dy[window] / f32(rows * columns);
		}
	}
	dx[at] = total;
}
