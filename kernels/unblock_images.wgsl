// x[n, c, p] = blocked[b, p, c, j] for image n = 16·b + j and pixel p: the inverse of block_images.wgsl
//
// blocked  float32 [⌈images / 16⌉, plane, channels, 16]
// x        float32 [images, channels, plane]
// sizes    plane: pixels of an image
//
// One invocation copies a pixel of 4 images. No features, default limits.
// Reference: test/reference/layout.ts, unblockImages

struct Sizes {
	images: u32,
	channels: u32,
	plane: u32,
}

@group(0) @binding(0) var<storage, read> blocked: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let index = id.y * groups.x * 64u + id.x;
	if (index >= arrayLength(&blocked)) { return; }
	let words = sizes.channels * sizes.plane;
	let n = index / (4u * words) * 16u + index % 4u * 4u;
	let word = index / 4u % words;
	let at = n * words + word % sizes.channels * sizes.plane + word / sizes.channels;
	let value = blocked[index];
	if (n < sizes.images) { x[at] = value.x; }
	if (n + 1u < sizes.images) { x[at + words] = value.y; }
	if (n + 2u < sizes.images) { x[at + 2u * words] = value.z; }
	if (n + 3u < sizes.images) { x[at + 3u * words] = value.w; }
}
