// y[o, v, u, i] = x[o, ⌊v · scaleY⌋, ⌊u · scaleX⌋, i] (LINEAR 0), or the mean of the four nearest, weighted by their distances
// to v · scaleY + shiftY, u · scaleX + shiftX (LINEAR 1); or with BACKWARD 1 the gradient dx = Σ weight · dy
//
// from_  float32 [outer, height, width, inner], or dy
// to     float32 [outer, outHeight, outWidth, inner], or dx
//
// SCALE is how many pixels of x lie from one of y to the next. One invocation computes one element of `to`. The backward pass visits the elements of dy that may have used it, in row-major
// order. No features, default limits.
// Reference: test/reference/pooling.ts, interpolate

override HEIGHT: u32;
override WIDTH: u32;
override INNER: u32;
override OUT_HEIGHT: u32;
override OUT_WIDTH: u32;
override SCALE_Y: f32;
override SCALE_X: f32;
override SHIFT_Y: f32;
override SHIFT_X: f32;
override LINEAR: u32;
override BACKWARD: u32;

@group(0) @binding(0) var<storage, read> from_: array<f32>;
@group(0) @binding(1) var<storage, read_write> to: array<f32>;

// The lower of the two elements that element v of the output uses, and the weight of the higher one.
struct Source { low: u32, weight: f32 }

fn sourceOf(v: u32, scale: f32, shift: f32, length: u32) -> Source {
	let position = max(f32(v) * scale + shift, 0.0);
	let low = min(u32(position), length - 1u);
	return Source(low, select(0.0, min(position - f32(low), 1.0), LINEAR == 1u));
}

// The weight with which an element of the output uses element `at`.
fn weightOf(source: Source, at: u32, length: u32) -> f32 {
	let high = min(source.low + 1u, length - 1u);
	return select(0.0, 1.0 - source.weight, source.low == at) + select(0.0, source.weight, high == at);
}

// The first element of the output that may use element `at`, and the one after the last.
fn usersOf(at: u32, scale: f32, shift: f32, outLength: u32) -> vec2<u32> {
	// All of them if all use the same one.
	if (scale == 0.0) { return vec2(0u, outLength); }
	let first = floor((f32(at) - 1.0 - shift) / scale) - 1.0;
	let end = ceil((f32(at) + 1.0 - shift) / scale) + 2.0;
	return vec2(u32(clamp(first, 0.0, f32(outLength))), u32(clamp(end, 0.0, f32(outLength))));
}

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
	if (BACKWARD == 0u) {
		let y = sourceOf(v, SCALE_Y, SHIFT_Y, HEIGHT);
		let x = sourceOf(u, SCALE_X, SHIFT_X, WIDTH);
		let upper = (image * HEIGHT + y.low) * WIDTH;
		if (LINEAR == 0u) {
			to[at] = from_[(upper + x.low) * INNER + i];
			return;
		}
		let lower = (image * HEIGHT + min(y.low + 1u, HEIGHT - 1u)) * WIDTH;
		let right = min(x.low + 1u, WIDTH - 1u);
		let above = mix(from_[(upper + x.low) * INNER + i], from_[(upper + right) * INNER + i], x.weight);
		let below = mix(from_[(lower + x.low) * INNER + i], from_[(lower + right) * INNER + i], x.weight);
		to[at] = mix(above, below, y.weight);
		return;
	}
	let usersY = usersOf(v, SCALE_Y, SHIFT_Y, OUT_HEIGHT);
	let usersX = usersOf(u, SCALE_X, SHIFT_X, OUT_WIDTH);
	var total = 0.0;
	for (var a = usersY.x; a < usersY.y; a++) {
		let ofRow = weightOf(sourceOf(a, SCALE_Y, SHIFT_Y, HEIGHT), v, HEIGHT);
		if (ofRow == 0.0) { continue; }
		for (var b = usersX.x; b < usersX.y; b++) {
			let weight = ofRow * weightOf(sourceOf(b, SCALE_X, SHIFT_X, WIDTH), u, WIDTH);
			if (weight == 0.0) { continue; }
			total += weight * from_[((image * OUT_HEIGHT + a) * OUT_WIDTH + b) * INNER + i];
		}
	}
	to[at] = total;
}
