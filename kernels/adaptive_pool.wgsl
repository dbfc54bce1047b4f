// y[o, v, u, i] = the mean of x[o, ⌊v · height / outHeight⌋ … ⌈(v + 1) · height / outHeight⌉ − 1, likewise, i], or with
// BACKWARD 1 its gradient dx = Σ dy / elements over the bins that have the element
//
// from_  float32 [outer, height, width, inner], or dy
// to     float32 [outer, outHeight, outWidth, inner], or dx
// sizes  the lengths of the axes of x and y
//
// One invocation computes one element of `to`. No features, default limits.
// Reference: test/reference/pooling.ts, adaptiveAvgPool

struct Sizes {
	height: u32,
	width: u32,
	inner: u32,
	outHeight: u32,
	outWidth: u32,
}

override BACKWARD: u32;

@group(0) @binding(0) var<storage, read> from_: array<f32>;
@group(0) @binding(1) var<storage, read_write> to: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

// The first element of a bin, and the one after its last.
fn startOf(bin: u32, length: u32, bins: u32) -> u32 { return bin * length / bins; }

fn endOf(bin: u32, length: u32, bins: u32) -> u32 { return ((bin + 1u) * length + bins - 1u) / bins; }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let at = id.y * groups.x * 64u + id.x;
	if (at >= arrayLength(&to)) { return; }
	let i = at % sizes.inner;
	let pixel = at / sizes.inner;
	let rows = select(sizes.outHeight, sizes.height, BACKWARD == 1u);
	let columns = select(sizes.outWidth, sizes.width, BACKWARD == 1u);
	let u = pixel % columns;
	let v = pixel / columns % rows;
	let image = pixel / columns / rows;
	var total = 0.0;
	if (BACKWARD == 0u) {
		let startY = startOf(v, sizes.height, sizes.outHeight);
		let endY = endOf(v, sizes.height, sizes.outHeight);
		let startX = startOf(u, sizes.width, sizes.outWidth);
		let endX = endOf(u, sizes.width, sizes.outWidth);
		for (var a = startY; a < endY; a++) {
			for (var b = startX; b < endX; b++) {
				total += from_[((image * sizes.height + a) * sizes.width + b) * sizes.inner + i];
			}
		}
		to[at] = total / f32((endY - startY) * (endX - startX));
		return;
	}
	// The bins that may have the element: those between the ones of its neighbours.
	let firstY = v * sizes.outHeight / sizes.height;
	let endY = min(((v + 1u) * sizes.outHeight + sizes.height - 1u) / sizes.height, sizes.outHeight);
	let firstX = u * sizes.outWidth / sizes.width;
	let endX = min(((u + 1u) * sizes.outWidth + sizes.width - 1u) / sizes.width, sizes.outWidth);
	for (var a = firstY; a < endY; a++) {
		let startA = startOf(a, sizes.height, sizes.outHeight);
		let endA = endOf(a, sizes.height, sizes.outHeight);
		if (v < startA || v >= endA) { continue; }
		for (var b = firstX; b < endX; b++) {
			let startB = startOf(b, sizes.width, sizes.outWidth);
			let endB = endOf(b, sizes.width, sizes.outWidth);
			if (u < startB || u >= endB) { continue; }
			let dy = from_[((image * sizes.outHeight + a) * sizes.outWidth + b) * sizes.inner + i];
			total += dy / f32((endA - startA) * (endB - startB));
		}
	}
	to[at] = total;
}
