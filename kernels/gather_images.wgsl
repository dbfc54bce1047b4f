// out[b, e] = scale · byte(images[index[b], e]) + shift; 0 if no image has the index
//
// images   uint8 [IMAGES, words], packed four in a word, low byte first; each image starts at a word
// index    uint32 or int32 [B]
// out      float32 [B, ELEMENTS]
// scalars  scale, shift
//
// One invocation computes one element of out. No features, default limits.
// Reference: test/reference/images.ts, gatherImages

struct Scalars { scale: f32, shift: f32 }

override IMAGES: u32;
override ELEMENTS: u32;
override WORDS = (ELEMENTS + 3u) / 4u;

@group(0) @binding(0) var<storage, read> images: array<u32>;
@group(0) @binding(1) var<storage, read> index: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(0) @binding(3) var<uniform> scalars: Scalars;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&out)) { return; }
	let image = index[i / ELEMENTS];
	let e = i % ELEMENTS;
	let word = images[min(image, IMAGES - 1u) * WORDS + e / 4u];
	let byte = (word >> (8u * (e % 4u))) & 255u;
	out[i] = select(0.0, fma(scalars.scale, f32(byte), scalars.shift), image < IMAGES);
}
