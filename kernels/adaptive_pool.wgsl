// y[o, v, u, i] = the mean of x[o, ⌊v · height / outHeight⌋ … ⌈(v + 1) · height / outHeight⌉ − 1, likewise, i], or with
// BACKWARD 1 its gradient dx = Σ dy / elements over the bins that have the element
//
// from_  float32 [outer, height, width, inner], or dy
// to     float32 [outer, outHeight, outWidth, inner], or dx
//
// One invocation computes one element of `to`. No features, default limits.
// Reference: test/reference/pooling.ts, adaptiveAvgPool

override HEIGHT: u32;
override WIDTH: u32;
override INNER: u32;
override OUT_HEIGHT: u32;
override OUT_WIDTH: u32;
override BACKWARD: u32;

@group(0) @binding(0) var<storage, read> from_: array<f32>;
@group(0) @binding(1) var<storage, read_write> to: array<f32>;

// The first element of a bin, and the one after its last.
fn startOf(bin: u32, length: u32, bins: u32) -> u32 { return bin * length / bins; }

fn endOf(bin: u32, length: u32, bins: u32) -> u32 { return ((bin + 1u) * length + bins - 1u) / bins; }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let at = id.y * groups.x * 64u + id.x;
	if (at >= arrayLength(&to)) { return; }
	let i = at % INNER;
	let pixel = at / INNER;
	let rows = select(OUT_HEIGHT, HEIGHT, BACKWARD == 1u);
	let columns = select(OUT_WIDTH, WIDTH, BACKWARD == 1u);
	let u = pixel % columns;
	let v = pixel / columns % rows;
	let image = pixel / columns / rows;
	var total = 0.0;
	if (BACKWARD == 0u) {
		let startY = startOf(v, HEIGHT, OUT_HEIGHT);
		let endY = endOf(v, HEIGHT, OUT_HEIGHT);
		let startX = startOf(u, WIDTH, OUT_WIDTH);
		let endX = endOf(u, WIDTH, OUT_WIDTH);
		for (var a = startY; a < endY; a++) {
			for (var b = startX; b < endX; b++) {
				total += from_[((image * HEIGHT + a) * WIDTH + b) * INNER + i];
			}
		}
		to[at] = total / f32((endY - startY) * (endX - startX));
		return;
	}
	// The bins that may have the element: those between the ones of its neighbours.
	let firstY = v * OUT_HEIGHT / HEIGHT;
	let endY = min(((v + 1u) * OUT_HEIGHT + HEIGHT - 1u) / HEIGHT, OUT_HEIGHT);
	let firstX = u * OUT_WIDTH / WIDTH;
	let endX = min(((u + 1u) * OUT_WIDTH + WIDTH - 1u) / WIDTH, OUT_WIDTH);
	for (var a = firstY; a < endY; a++) {
		let startA = startOf(a, HEIGHT, OUT_HEIGHT);
		let endA = endOf(a, HEIGHT, OUT_HEIGHT);
		if (v < startA || v >= endA) { continue; }
		for (var b = firstX; b < endX; b++) {
			let startB = startOf(b, WIDTH, OUT_WIDTH);
			let endB = endOf(b, WIDTH, OUT_WIDTH);
			if (u < startB || u >= endB) { continue; }
			let dy = from_[((image * OUT_HEIGHT + a) * OUT_WIDTH + b) * INNER + i];
			total += dy / f32((endA - startA) * (endB - startB));
		}
	}
	to[at] = total;
}
