// dx[o, v, u, i] = Σ dy over the windows whose maximum is there (MAX 1), or Σ dy / elements of the window over all windows
// with it (MAX 0), in row-major order of the windows
//
// dy         float32 [outer, outHeight, outWidth, inner]
// positions  uint32 as dy, of pool.wgsl; read if MAX is 1
// dx         float32 [outer, height, width, inner]
//
// COUNT_PAD as in pool.wgsl. One invocation computes one element of dx: it visits the windows that may have it. No features, default limits.
// Reference: test/reference/pooling.ts, poolBackward

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

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> positions: array<u32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

// How many elements of a window that starts at `start` (modulo 2³²) are in [0, length), or with the padding.
fn countOf(start: u32, kernel: u32, length: u32, pad: u32) -> u32 {
	let first = i32(start);
	let end = first + i32(kernel);
	if (COUNT_PAD == 1u) { return u32(min(end, i32(length + pad)) - first); }
	return u32(min(end, i32(length)) - max(first, 0));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let at = id.y * groups.x * 64u + id.x;
	if (at >= arrayLength(&dx)) { return; }
	let i = at % INNER;
	let pixel = at / INNER;
	let u = pixel % WIDTH;
	let v = pixel / WIDTH % HEIGHT;
	let base = pixel / WIDTH / HEIGHT * OUT_HEIGHT * OUT_WIDTH;
	// The window of row a has this one as its element k if a · stride + k · dilation = v + pad.
	var total = 0.0;
	let lastY = (v + PAD_Y) / STRIDE_Y;
	let spanY = (KERNEL_Y - 1u) * DILATION_Y;
	let firstY = (max(v + PAD_Y, spanY) - spanY + STRIDE_Y - 1u) / STRIDE_Y;
	let lastX = (u + PAD_X) / STRIDE_X;
	let spanX = (KERNEL_X - 1u) * DILATION_X;
	let firstX = (max(u + PAD_X, spanX) - spanX + STRIDE_X - 1u) / STRIDE_X;
	for (var a = firstY; a <= min(lastY, OUT_HEIGHT - 1u); a++) {
		if ((v + PAD_Y - a * STRIDE_Y) % DILATION_Y != 0u) { continue; }
		for (var b = firstX; b <= min(lastX, OUT_WIDTH - 1u); b++) {
			if ((u + PAD_X - b * STRIDE_X) % DILATION_X != 0u) { continue; }
			let window = (base + a * OUT_WIDTH + b) * INNER + i;
			if (MAX == 1u) {
				if (positions[window] == v * WIDTH + u) { total += dy[window]; }
				continue;
			}
			let rows = countOf(a * STRIDE_Y - PAD_Y, KERNEL_Y, HEIGHT, PAD_Y);
			let columns = countOf(b * STRIDE_X - PAD_X, KERNEL_X, WIDTH, PAD_X);
			total += dy[window] / f32(rows * columns);
		}
	}
	dx[at] = total;
}
