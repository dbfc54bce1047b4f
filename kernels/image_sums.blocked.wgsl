// out[n, c] = Σ_p x[n, c, p]: the sums over the pixels of each image
//
// x      float32 [blocks, plane, channels, 16], blocked
// out    float32 [batch, channels]
// sizes  plane: pixels of an image
//
// One invocation adds the pixels of a channel of 4 images, in order. No features, default limits.
// Reference: test/reference/reductions.ts, sum

struct Sizes {
	batch: u32,
	channels: u32,
	plane: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	let row = 4u * sizes.channels;
	let image = i / row * 16u + i % 4u * 4u;
	if (image >= sizes.batch) { return; }
	let first = i / row * sizes.plane * row + i % row;
	var sum = vec4(0.0);
	for (var p = 0u; p < sizes.plane; p++) { sum += x[first + p * row]; }
	let at = image * sizes.channels + i % row / 4u;
	for (var j = 0u; j < min(4u, sizes.batch - image); j++) { out[at + j * sizes.channels] = sum[j]; }
}
