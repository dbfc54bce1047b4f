// blocked[b, p, c, j] = x[n, c, p] for image n = first + 16·b + j and pixel p; 0 where there is no such image
//
// The form in which the kernels named *.blocked.wgsl read and write images: 16 of them side by side. All words of a
// block then belong to the same pixel, whether a tap of a convolution lies inside the image is the same for all of them,
// and every load is a whole vec4. The channels of a pixel follow each other: planes apart they would lie a power of two
// apart often enough to share a set of the cache.
// x        float32 [images, channels, plane]
// blocked  float32 [blocks, plane, channels, 16]
//
// One invocation for 4 images of a pixel. No features, default limits.

struct Sizes {
	images: u32,
	channels: u32,
	plane: u32,
	first: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> blocked: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let index = id.y * groups.x * 64u + id.x;
	if (index >= arrayLength(&blocked)) { return; }
	let words = sizes.channels * sizes.plane;
	let n = sizes.first + index / (4u * words) * 16u + index % 4u * 4u + vec4(0u, 1u, 2u, 3u);
	let word = index / 4u % words;
	let at = min(n, vec4(sizes.images - 1u)) * words + word % sizes.channels * sizes.plane + word / sizes.channels;
	blocked[index] = select(vec4(0.0), vec4(x[at.x], x[at.y], x[at.z], x[at.w]), n < vec4(sizes.images));
}
