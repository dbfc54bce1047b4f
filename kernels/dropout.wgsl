// y[i] = x[i] · SCALE if the random number of element first + i, in [0, 2²⁴), is at least THRESHOLD, else 0
//
// x       float32 [n]
// random  uint32 [2]: the seed and the step, on which the random numbers depend
// y       float32 [n]
// first   the number of the first element, so that the tensors of a step have different random numbers
//
// The backward pass is the same of dy. The random number is 24 bits of a hash of seed, step and element. One
// invocation computes one element. No features, default limits.
// Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014,
// scaled in training; pcg3d of Jarzynski & Olano, "Hash functions for GPU rendering", 2020.
// Reference: test/reference/dropout.ts, dropout

override THRESHOLD: u32;
override SCALE: f32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> random: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> first: u32;

fn pcg3d(key: vec3<u32>) -> u32 {
	var v = key * 1664525u + 1013904223u;
	v.x += v.y * v.z;
	v.y += v.z * v.x;
	v.z += v.x * v.y;
	v ^= v >> vec3(16u);
	return v.x + v.y * v.z;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&y)) { return; }
	let number = pcg3d(vec3(random[0], random[1], first + i)) >> 8u;
	y[i] = select(0.0, x[i] * SCALE, number >= THRESHOLD);
}
