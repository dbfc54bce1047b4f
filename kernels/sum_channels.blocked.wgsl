// partial[b · splits + s, c] = Σ x[b, p, c, j] over the pixels p of split s and the 16 images j; sum.wgsl
// then adds the partial sums to the sum over all axes but the channels
//
// x        float32 [blocks, plane, channels, 16], blocked
// partial  float32 [blocks · splits, channels]
// sizes    plane: pixels of an image
//
// One invocation computes one partial sum; its pixels depend on the shape alone. No features, default
// limits.
// Reference: test/reference/convolution.ts, biasGradient

struct Sizes {
	channels: u32,
	plane: u32,
	splits: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> partial: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let index = id.y * groups.x * 64u + id.x;
	if (index >= arrayLength(&partial)) { return; }
	let channel = index % sizes.channels;
	let split = index / sizes.channels % sizes.splits;
	let block = index / (sizes.channels * sizes.splits);
	let length = (sizes.plane + sizes.splits - 1u) / sizes.splits;
	let end = min((split + 1u) * length, sizes.plane);
	var sum = vec4(0.0);
	for (var p = split * length; p < end; p++) {
		let at = ((block * sizes.plane + p) * sizes.channels + channel) * 4u;
		sum += (x[at] + x[at + 1u]) + (x[at + 2u] + x[at + 3u]);
	}
	partial[index] = (sum.x + sum.y) + (sum.z + sum.w);
}
