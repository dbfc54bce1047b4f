// dx[r, k] = factor · dy · (exp(x[r, k] − maximum[r]) / sum[r] − [k = target[r]]) for each pixel r of each
// image; 0 if the target is not a class, or if there is no such image
//
// x        float32 [blocks, plane, CLASSES, 16], blocked
// target_  uint32 or int32 [batch, plane]
// maximum  float32 [blocks, plane, 16], from cross_entropy.blocked.wgsl
// sum      float32 [blocks, plane, 16], likewise
// dy       float32 [1], the gradient of the loss
// dx       float32 as x
// sizes    plane: pixels of an image; factor: 1 / number of targets, for the mean
//
// One invocation computes a pixel of 4 images, so that it reads their targets once. No features, default
// limits.
// Reference: test/reference/losses.ts, crossEntropyBackward

struct Sizes {
	batch: u32,
	plane: u32,
	factor: f32,
}

override CLASSES: u32;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> target_: array<u32>;
@group(0) @binding(2) var<storage, read> maximum: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> sum: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<vec4<f32>>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&sum)) { return; }
	let pixel = i / 4u;
	let first = pixel / sizes.plane * 16u + i % 4u * 4u;
	var label = vec4(CLASSES);
	for (var j = 0u; j < 4u; j++) {
		if (first + j >= sizes.batch) { break; }
		label[j] = target_[(first + j) * sizes.plane + pixel % sizes.plane];
	}
	let factor = select(vec4(0.0), vec4(sizes.factor * dy[0]), label < vec4(CLASSES));
	let largest = maximum[i];
	let total = sum[i];
	let base = pixel * CLASSES * 4u + i % 4u;
	for (var k = 0u; k < CLASSES; k++) {
		let at = base + 4u * k;
		dx[at] = factor * (exp(x[at] - largest) / total - select(vec4(0.0), vec4(1.0), label == vec4(k)));
	}
}
