// loss[r] = log Σ_k exp(x[r, k]) − x[r, target[r]] for each pixel r of each image; ∞ if the target is not a
// class, 0 if there is no such image. For the backward pass maximum[r] = max_k x[r, k] and sum[r] = Σ_k
// exp(x[r, k] − maximum[r]).
//
// x        float32 [blocks, plane, CLASSES, 16], blocked
// target_  uint32 or int32 [batch, plane]
// loss     float32 [blocks, plane, 16]
// maximum  float32 [blocks, plane, 16]
// sum      float32 [blocks, plane, 16]
// sizes    plane: pixels of an image
//
// The probabilities are not stored: the backward pass computes them again.
//
// One invocation computes a pixel of 4 images. No features, default limits.
// Reference: test/reference/losses.ts, crossEntropy

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

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: vec4<f32>) -> vec4<bool> { return (bitcast<vec4<u32>>(x) & vec4(0x7fffffffu)) > vec4(0x7f800000u); }

// exp(x), and NaN for NaN: on some adapters exp(NaN) is infinity.
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
		// The part that both have is subtracted first, so that the rest keeps its digits.
		// A number that the compiler does not know: WGSL has no literal for ∞.
		result[j] = bitcast<f32>(0x7f800000u | (label & 0u));
		if (label < CLASSES) { result[j] = (largest[j] - x[base + 4u * label][j]) + logTotal[j]; }
	}
	loss[i] = result;
}
