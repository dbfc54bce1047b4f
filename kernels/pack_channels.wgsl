// packed[g, b, p, j] = x[n, c, y, x] for channel c = 16·b + j of group g and pixel p = (n, y, x); 0 where the group has no
// such channel
//
// The form in which convolution_weight_grad.subgroups.wgsl reads gradients: 16 neighbouring channels of a pixel side by
// side.
// x       float32 [BATCH, CHANNELS, PLANE]
// packed  float32 [GROUPS, ⌈CHANNELS / GROUPS / 16⌉, BATCH · PLANE, 16]
//
// One invocation an element of packed. No features, default limits.

override BATCH: u32;
override CHANNELS: u32;
override PLANE: u32;
override GROUPS: u32;
override GROUP_CHANNELS = CHANNELS / GROUPS;
override BLOCKS = (GROUP_CHANNELS + 15u) / 16u;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> packed: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let index = id.y * groups.x * 64u + id.x;
	if (index >= arrayLength(&packed)) { return; }
	let p = index / 16u % (BATCH * PLANE);
	let block = index / (16u * BATCH * PLANE);
	let c = block % BLOCKS * 16u + index % 16u;
	let channel = block / BLOCKS * GROUP_CHANNELS + min(c, GROUP_CHANNELS - 1u);
	packed[index] = select(0.0, x[(p / PLANE * CHANNELS + channel) * PLANE + p % PLANE], c < GROUP_CHANNELS);
}
