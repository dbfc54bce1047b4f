// blocked[b, p, c, j] = x[n, c, p] for image n = first + 16·b + j and pixel p; 0 if there is no such image
//
// x        float32 [images, channels, plane]
// blocked  float32 [blocks, plane, channels, 16]
// sizes    plane: pixels of an image
//
// This is the layout that the kernels named *.blocked.wgsl read and write. All words of a block belong to
// the same pixel, so whether a tap of a convolution is inside the image is the same for all of them, and
// every load is a whole vec4. The channels of a pixel are next to each other: with planes apart they would
// often be a power of two apart, and share a set of the cache.
//
// One invocation computes a channel of a pixel of 16 images, because its two divisions take as long as 4
// loads on a CPU adapter. No features, default limits.
// Reference: test/reference/layout.ts, blockImages

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
	if (4u * index >= arrayLength(&blocked)) { return; }
	let words = sizes.channels * sizes.plane;
	let block = index / words;
	let word = index - block * words;
	let pixel = word / sizes.channels;
	let offset = (word - pixel * sizes.channels) * sizes.plane + pixel;
	let image = sizes.first + 16u * block;
	if (image + 16u <= sizes.images) {
		for (var quarter = 0u; quarter < 4u; quarter++) {
			let at = (image + 4u * quarter + vec4(0u, 1u, 2u, 3u)) * words + offset;
			blocked[4u * index + quarter] = vec4(x[at.x], x[at.y], x[at.z], x[at.w]);
		}
		return;
	}
	for (var quarter = 0u; quarter < 4u; quarter++) {
		let n = image + 4u * quarter + vec4(0u, 1u, 2u, 3u);
		let at = min(n, vec4(sizes.images - 1u)) * words + offset;
		blocked[4u * index + quarter] = select(vec4(0.0), vec4(x[at.x], x[at.y], x[at.z], x[at.w]), n < vec4(sizes.images));
	}
}
