// packed[g, b, tap, i, j] = w[o, i, tap] for output channel o = 16·b + j of group g; 0 where the group has no such channel
//
// The form in which the convolution kernels read weights: 16 neighbouring output channels side by side, for one input
// channel and tap after the other.
// w       float32; the element of output o of group g, input i of it and tap lies at
//         g·GROUP_STRIDE + o·OUTPUT_STRIDE + i·INPUT_STRIDE + tap
// packed  float32 [GROUPS, ⌈GROUP_OUTPUTS / 16⌉, TAPS, GROUP_INPUTS, 16]
//
// One invocation an element of packed. No features, default limits.

override GROUP_INPUTS: u32;
override GROUP_OUTPUTS: u32;
override TAPS: u32;
override GROUP_STRIDE: u32;
override OUTPUT_STRIDE: u32;
override INPUT_STRIDE: u32;
override BLOCKS = (GROUP_OUTPUTS + 15u) / 16u;

@group(0) @binding(0) var<storage, read> w: array<f32>;
@group(0) @binding(1) var<storage, read_write> packed: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let index = id.y * groups.x * 64u + id.x;
	if (index >= arrayLength(&packed)) { return; }
	let i = index / 16u % GROUP_INPUTS;
	let tap = index / (16u * GROUP_INPUTS) % TAPS;
	let block = index / (16u * GROUP_INPUTS * TAPS);
	let o = block % BLOCKS * 16u + index % 16u;
	let at = block / BLOCKS * GROUP_STRIDE + min(o, GROUP_OUTPUTS - 1u) * OUTPUT_STRIDE + i * INPUT_STRIDE + tap;
	packed[index] = select(0.0, w[at], o < GROUP_OUTPUTS);
}
