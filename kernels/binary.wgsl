// out[i] = a[i'] ∘ b[i''], elementwise, with ∘ = + (OPERATION 0), − (1) or × (2)
//
// a, b  float32, of the output's shape or broadcast to it, as vectors of 4. The axes of a broadcast operand
//       whose length is not 1 are neighbours: it is read at (i / INNER) % COUNT, with COUNT its number of
//       elements and INNER the number of output elements after these axes. COUNT 0 means that it has the
//       output's shape.
// out   float32, contiguous, or blocked if a and b are, as vectors of 4
//
// One invocation computes one vector. The last vectors may end after the last element. The backward pass of a
// sum is its factor times its gradient, repeated. No features, default limits.
// Reference: test/reference/elementwise.ts, binary
// Reference: test/reference/reductions.ts, sumBackward

override OPERATION: u32;
override A_COUNT: u32 = 0;
override A_INNER: u32 = 1;
override B_COUNT: u32 = 0;
override B_INNER: u32 = 1;

@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;

fn aOf(i: u32) -> f32 {
	let j = i / A_INNER % max(A_COUNT, 1u);
	return a[j / 4u][j & 3u];
}

fn bOf(i: u32) -> f32 {
	let j = i / B_INNER % max(B_COUNT, 1u);
	return b[j / 4u][j & 3u];
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let vector = id.y * groups.x * 64u + id.x;
	if (vector >= arrayLength(&out)) { return; }
	let i = 4u * vector;
	var x: vec4<f32>;
	if (A_COUNT == 0u) { x = a[vector]; }
	else if (A_INNER == 1u && (A_COUNT & 3u) == 0u) { x = a[vector % max(A_COUNT / 4u, 1u)]; }
	else if (A_COUNT == 1u || (A_INNER & 3u) == 0u) { x = vec4(aOf(i)); }
	else { x = vec4(aOf(i), aOf(i + 1u), aOf(i + 2u), aOf(i + 3u)); }
	var y: vec4<f32>;
	if (B_COUNT == 0u) { y = b[vector]; }
	else if (B_INNER == 1u && (B_COUNT & 3u) == 0u) { y = b[vector % max(B_COUNT / 4u, 1u)]; }
	else if (B_COUNT == 1u || (B_INNER & 3u) == 0u) { y = vec4(bOf(i)); }
	else { y = vec4(bOf(i), bOf(i + 1u), bOf(i + 2u), bOf(i + 3u)); }
	if (OPERATION == 0u) { out[vector] = x + y; }
	else if (OPERATION == 1u) { out[vector] = x - y; }
	else { out[vector] = x * y; }
}
