// loss[r] = log Σ_k exp(x[r, k]) − x[r, target[r]] for each pixel r of blocked images (see block_images.wgsl), 4 images at
// a time; ∞ if the target is not a class, 0 if there is no such image. For the backward pass maximum[r] = max_k x[r, k], and
// sum[r] = Σ_k exp(x[r, k] − maximum[r]).
//
// cross_entropy.wgsl and softmax.wgsl in one, without the probabilities: the gradient works them out again.
// x                   float32 [blocks, plane, CLASSES, 16]
// target              uint32 [batch, plane]
// loss, maximum, sum  float32 [blocks, plane, 16]
//
// One invocation for a pixel of 4 images. No features, default limits.

struct Sizes {
	batch: u32,
	plane: u32,
}

override CLASSES: u32;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> target_: array<u32>;
@group(0) @binding(2) var<storage, read_write> loss: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> maximum: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> sum: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

// By bits, since compilers may assume that no value is NaN.
fn isNan(x: vec4<f32>) -> vec4<bool> { return (bitcast<vec4<u32>>(x) & vec4(0x7fffffffu)) > vec4(0x7f800000u); }

// exp(x), and NaN of NaN, which some adapters' exp turns into infinity.
fn expOrNan(x: vec4<f32>) -> vec4<f32> { return select(exp(x), x, isNan(x)); }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&loss)) { return; }
	let pixel = i / 4u;
	let base = pixel * CLASSES * 4u + i % 4u;
	var largest = vec4(-3.4e38);
	for (var k = 0u; k < CLASSES; k++) { largest = max(largest, x[base + 4u * k]); }
	var total = vec4(0.0);
	for (var k = 0u; k < CLASSES; k++) { total += expOrNan(x[base + 4u * k] - largest); }
	// Some adapters' logarithms of 0 and NaN are finite.
	let logTotal = select(select(log(total), -1.0 / total, total == vec4(0.0)), total, isNan(total));
	maximum[i] = largest;
	sum[i] = total;
	let first = pixel / sizes.plane * 16u + i % 4u * 4u;
	var result = vec4(0.0);
	for (var j = 0u; j < 4u; j++) {
		if (first + j >= sizes.batch) { break; }
		let label = target_[(first + j) * sizes.plane + pixel % sizes.plane];
		// The part that is the same in both goes first, so that the rest keeps its digits.
		// ∞ as in cross_entropy.wgsl.
		result[j] = bitcast<f32>(0x7f800000u | (label & 0u));
		if (label < CLASSES) { result[j] = (largest[j] - x[base + 4u * label][j]) + logTotal[j]; }
	}
	loss[i] = result;
}
