// packed[g, b, tap, i, j] = w[o, i, tap] for output channel o = width·b + j of group g; 0 if the group has
// no such output or input channel
//
// w       float32; the element of output o of group g, its input i and tap is at g·groupStride + ⌊o /
//         parts⌋·outputStride + o mod parts + i·inputStride + tap
// packed  float32 [groups, ⌈groupOutputs / width⌉, taps, paddedInputs, width]
// sizes   parts: 1, or the number of taps if each tap is an output channel of its own
//         (gather_taps.blocked.wgsl)
//
// This is how the convolution kernels read weights: `width` neighbouring output channels next to each other,
// for one input channel and tap after the other. One invocation computes one element of packed. No features,
// default limits.
// Reference: test/reference/layout.ts, packWeights

struct Sizes {
	groupInputs: u32,
	groupOutputs: u32,
	taps: u32,
	groupStride: u32,
	outputStride: u32,
	inputStride: u32,
	width: u32,
	paddedInputs: u32,
	parts: u32,
}

@group(0) @binding(0) var<storage, read> w: array<f32>;
@group(0) @binding(1) var<storage, read_write> packed: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let index = id.y * groups.x * 64u + id.x;
	if (index >= arrayLength(&packed)) { return; }
	let width = sizes.width;
	let blocks = (sizes.groupOutputs + width - 1u) / width;
	let i = index / width % sizes.paddedInputs;
	let tap = index / (width * sizes.paddedInputs) % sizes.taps;
	let block = index / (width * sizes.paddedInputs * sizes.taps);
	let o = block % blocks * width + index % width;
	let inside = o < sizes.groupOutputs && i < sizes.groupInputs;
	let at = block / blocks * sizes.groupStride + o / sizes.parts * sizes.outputStride + o % sizes.parts + i * sizes.inputStride + tap;
	packed[index] = select(0.0, w[select(0u, at, inside)], inside);
}
