// out[j0, …, j5] = x[Σ j_a · STRIDE_a]: axis a of out steps through x by STRIDE_a
//
// x    any 32-bit dtype, contiguous
// out  the same dtype [any, SIZE_1, …, SIZE_5]; tensors of fewer axes have leading axes of length 1
//
// One invocation copies one element. No features, default limits.
// Reference: test/reference/permute.ts, permute

override SIZE_1: u32;
override SIZE_2: u32;
override SIZE_3: u32;
override SIZE_4: u32;
override SIZE_5: u32;
override STRIDE_0: u32;
override STRIDE_1: u32;
override STRIDE_2: u32;
override STRIDE_3: u32;
override STRIDE_4: u32;
override STRIDE_5: u32;

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&out)) { return; }
	var rest = i;
	var at = rest % SIZE_5 * STRIDE_5;
	rest /= SIZE_5;
	at += rest % SIZE_4 * STRIDE_4;
	rest /= SIZE_4;
	at += rest % SIZE_3 * STRIDE_3;
	rest /= SIZE_3;
	at += rest % SIZE_2 * STRIDE_2;
	rest /= SIZE_2;
	at += rest % SIZE_1 * STRIDE_1;
	rest /= SIZE_1;
	out[i] = x[at + rest * STRIDE_0];
}
