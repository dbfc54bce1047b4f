// y[e] = x[e] · SCALE if the random number of element first + e, in [0, 2²⁴), is at least THRESHOLD, else 0,
// with e the number of the element in the contiguous layout: the random numbers are those of dropout.wgsl
//
// x       float32 [blocks, PLANE, CHANNELS, 16], blocked
// random  uint32 [2]: the seed and the step, on which the random numbers depend
// y       float32 as x
// first   the number of the first element of [images, CHANNELS, PLANE]
//
// One invocation computes an element of 4 images. No features, default limits.
// Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014,
// scaled in training; pcg3d of Jarzynski & Olano, "Hash functions for GPU rendering", 2020.
// Reference: test/reference/dropout.ts, dropout

override THRESHOLD: u32;
override SCALE: f32;
override CHANNELS: u32;
override PLANE: u32;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> random: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> first: u32;

// pcg3d for four elements, which are its z.
fn pcg3d(seed: u32, step: u32, elements: vec4<u32>) -> vec4<u32> {
	var x = vec4(seed * 1664525u + 1013904223u);
	var y = vec4(step * 1664525u + 1013904223u);
	var z = elements * 1664525u + 1013904223u;
	x += y * z;
	y += z * x;
	z += x * y;
	x ^= x >> vec4(16u);
	y ^= y >> vec4(16u);
	z ^= z >> vec4(16u);
	return x + y * z;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&y)) { return; }
	let row = i / 4u;
	let pixel = row / CHANNELS;
	let image = pixel / PLANE * 16u + i % 4u * 4u;
	let size = CHANNELS * PLANE;
	let element = first + image * size + row % CHANNELS * PLANE + pixel % PLANE;
	let number = pcg3d(random[0], random[1], element + vec4(0u, 1u, 2u, 3u) * size) >> vec4(8u);
	y[i] = select(vec4(0.0), x[i] * SCALE, number >= vec4(THRESHOLD));
}
