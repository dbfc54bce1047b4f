// packed[g, b, tap, i, j] = w[o, i, tap] for output channel o = 16·b + j of group g; 0 where the group has no such channel
//
// The form in which the convolution kernels read weights: 16 neighbouring output channels side by side, for one input
// channel and tap after the other.
// w       float32; the element of output o of group g, input i of it and tap lies at
//         g·groupStride + o·outputStride + i·inputStride + tap
// packed  float32 [groups, ⌈groupOutputs / 16⌉, taps, groupInputs, 16]
//
// One invocation an element of packed. No features, default limits.

struct Sizes {
	groupInputs: u32,
	groupOutputs: u32,
	taps: u32,
	groupStride: u32,
	outputStride: u32,
	inputStride: u32,
}

@group(0) @binding(0) var<storage, read> w: array<f32>;
@group(0) @binding(1) var<storage, read_write> packed: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let index = id.y * groups.x * 64u + id.x;
	if (index >= arrayLength(&packed)) { return; }
	let blocks = (sizes.groupOutputs + 15u) / 16u;
	let i = index / 16u % sizes.groupInputs;
	let tap = index / (16u * sizes.groupInputs) % sizes.taps;
	let block = index / (16u * sizes.groupInputs * sizes.taps);
	let o = block % blocks * 16u + index % 16u;
	let at = block / blocks * sizes.groupStride + min(o, sizes.groupOutputs - 1u) * sizes.outputStride + i * sizes.inputStride + tap;
	packed[index] = select(0.0, w[at], o < sizes.groupOutputs);
}
