// out[i] = a[i'] ∘ b[i''], elementwise, with ∘ = + (OPERATION 0), − (1) or × (2)
//
// a, b  float32, of the output's shape or broadcast to it. The axes of a broadcast operand whose length is
//       not 1 are neighbours: it is read at (i / INNER) % COUNT, with COUNT its number of elements and INNER
//       the number of output elements after these axes. COUNT 0 means that it has the output's shape.
// out   float32, contiguous, or blocked if a and b are
//
// One invocation computes one element. No features, default limits.
// Reference: test/reference/elementwise.ts, binary

override OPERATION: u32;
override A_COUNT: u32 = 0;
override A_INNER: u32 = 1;
override B_COUNT: u32 = 0;
override B_INNER: u32 = 1;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&out)) { return; }
	var ia = i;
	var ib = i;
	if (A_COUNT > 0u) { ia = (i / A_INNER) % max(A_COUNT, 1u); }
	if (B_COUNT > 0u) { ib = (i / B_INNER) % max(B_COUNT, 1u); }
	let x = a[ia];
	let y = b[ib];
	if (OPERATION == 0u) { out[i] = x + y; }
	else if (OPERATION == 1u) { out[i] = x - y; }
	else { out[i] = x * y; }
}
