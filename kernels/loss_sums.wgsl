// mean = factor · Σ x,  total = weight · mean + added
//
// x      float32 [n]
// added  float32 [1]; read only with HAS_ADDED
// mean   float32 [1]
// total  float32 [1]
// sizes  factor, weight
//
// One workgroup: lane l adds every 64th element, a tree over the lanes the rest, as in sum.wgsl. No
// features, default limits.
// Reference: test/reference/losses.ts, mseLoss

override HAS_ADDED: bool;

struct Sizes { factor: f32, weight: f32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> added: array<f32>;
@group(0) @binding(2) var<storage, read_write> mean: array<f32>;
@group(0) @binding(3) var<storage, read_write> total: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

var<workgroup> partial: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
	var sum = 0.0;
	for (var i = lane; i < arrayLength(&x); i += 64u) { sum += x[i]; }
	partial[lane] = sum;
	for (var half = 32u; half > 0u; half /= 2u) {
		workgroupBarrier();
		if (lane < half) { partial[lane] += partial[lane + half]; }
	}
	if (lane > 0u) { return; }
	let value = sizes.factor * partial[0];
	mean[0] = value;
	if (HAS_ADDED) { total[0] = fma(sizes.weight, value, added[0]); } else { total[0] = sizes.weight * value; }
}
