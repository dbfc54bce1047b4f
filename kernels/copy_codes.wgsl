// to[n · TO_STRIDE + TO_OFFSET] = from[n · FROM_STRIDE + FROM_OFFSET] + ADD for every n < COUNT
//
// from_  uint32, codes of one level, or of several next to each other
// to     uint32, likewise
//
// One invocation copies one code. No features, default limits.
// Reference: test/reference/codes.ts, joinLevels
// Reference: test/reference/codes.ts, takeLevel

override COUNT: u32;
override FROM_STRIDE: u32 = 1;
override FROM_OFFSET: u32 = 0;
override TO_STRIDE: u32 = 1;
override TO_OFFSET: u32 = 0;
override ADD: u32 = 0;

@group(0) @binding(0) var<storage, read> from_: array<u32>;
@group(0) @binding(1) var<storage, read_write> to: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let n = id.y * groups.x * 64u + id.x;
	if (n >= COUNT) { return; }
	to[n * TO_STRIDE + TO_OFFSET] = from_[n * FROM_STRIDE + FROM_OFFSET] + ADD;
}
