// out[i] = 1 if a[i'] ∘ b[i''], else 0, elementwise, with ∘ = = (OPERATION 0), ≠ (1), > (2), ≥ (3), < (4) or
// ≤ (5)
//
// a, b            float32 (TYPE 0), int32 (1) or uint32 (2), of the output's shape or broadcast to it, as
//                 vectors of 4
// aWords, bWords  the same buffers as words
// out             uint32, contiguous, as vectors of 4
//
// The output is [any, SIZE_1, …, SIZE_5]; A_0 to A_5 are the strides of a, 0 along an axis on which it is
// broadcast. A_READS says what a vector of the output needs of a: 0 the same vector, 1 another one, 2 one
// element, 3 four elements; likewise b. One invocation computes one vector. The last vectors may end after
// the last element. No features, default limits.
// Reference: test/reference/elementwise.ts, compare

override OPERATION: u32;
override TYPE: u32 = 0u;
override SIZE_1: u32 = 1u;
override SIZE_2: u32 = 1u;
override SIZE_3: u32 = 1u;
override SIZE_4: u32 = 1u;
override SIZE_5: u32 = 1u;
override A_READS: u32 = 0u;
override A_0: u32 = 0u;
override A_1: u32 = 0u;
override A_2: u32 = 0u;
override A_3: u32 = 0u;
override A_4: u32 = 0u;
override A_5: u32 = 0u;
override B_READS: u32 = 0u;
override B_0: u32 = 0u;
override B_1: u32 = 0u;
override B_2: u32 = 0u;
override B_3: u32 = 0u;
override B_4: u32 = 0u;
override B_5: u32 = 0u;

@group(0) @binding(0) var<storage, read> a: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> aWords: array<u32>;
@group(0) @binding(2) var<storage, read> b: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> bWords: array<u32>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<u32>>;

// The element that output element i needs of an operand with these strides.
fn elementOf(i: u32, outer: vec3<u32>, inner: vec3<u32>) -> u32 {
	let i4 = i / SIZE_5;
	let i3 = i4 / SIZE_4;
	let i2 = i3 / SIZE_3;
	let i1 = i2 / SIZE_2;
	return i1 / SIZE_1 * outer.x + i1 % SIZE_1 * outer.y + i2 % SIZE_2 * outer.z
		+ i3 % SIZE_3 * inner.x + i4 % SIZE_4 * inner.y + i % SIZE_5 * inner.z;
}

fn aOf(i: u32) -> u32 { return elementOf(i, vec3(A_0, A_1, A_2), vec3(A_3, A_4, A_5)); }

fn bOf(i: u32) -> u32 { return elementOf(i, vec3(B_0, B_1, B_2), vec3(B_3, B_4, B_5)); }

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: vec4<f32>) -> vec4<bool> { return (bitcast<vec4<u32>>(x) & vec4(0x7fffffffu)) > vec4(0x7f800000u); }

fn ofFloats(x: vec4<f32>, y: vec4<f32>) -> vec4<bool> {
	let unordered = isNan(x) | isNan(y);
	switch (OPERATION) {
		case 0u { return (x == y) & !unordered; }
		case 1u { return (x != y) | unordered; }
		case 2u { return (x > y) & !unordered; }
		case 3u { return (x >= y) & !unordered; }
		case 4u { return (x < y) & !unordered; }
		default { return (x <= y) & !unordered; }
	}
}

fn ofInts(x: vec4<i32>, y: vec4<i32>) -> vec4<bool> {
	switch (OPERATION) {
		case 0u { return x == y; }
		case 1u { return x != y; }
		case 2u { return x > y; }
		case 3u { return x >= y; }
		case 4u { return x < y; }
		default { return x <= y; }
	}
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let vector = id.y * groups.x * 64u + id.x;
	if (vector >= arrayLength(&out)) { return; }
	let i = 4u * vector;
	var x: vec4<u32>;
	if (A_READS == 0u) { x = a[vector]; }
	else if (A_READS == 1u) { x = a[aOf(i) / 4u]; }
	else if (A_READS == 2u) { x = vec4(aWords[aOf(i)]); }
	else { x = vec4(aWords[aOf(i)], aWords[aOf(i + 1u)], aWords[aOf(i + 2u)], aWords[aOf(i + 3u)]); }
	var y: vec4<u32>;
	if (B_READS == 0u) { y = b[vector]; }
	else if (B_READS == 1u) { y = b[bOf(i) / 4u]; }
	else if (B_READS == 2u) { y = vec4(bWords[bOf(i)]); }
	else { y = vec4(bWords[bOf(i)], bWords[bOf(i + 1u)], bWords[bOf(i + 2u)], bWords[bOf(i + 3u)]); }
	// The highest bit flipped, unsigned numbers have the order of signed ones.
	let flip = select(0u, 0x80000000u, TYPE == 2u);
	var holds: vec4<bool>;
	if (TYPE == 0u) { holds = ofFloats(bitcast<vec4<f32>>(x), bitcast<vec4<f32>>(y)); }
	else { holds = ofInts(bitcast<vec4<i32>>(x ^ vec4(flip)), bitcast<vec4<i32>>(y ^ vec4(flip))); }
	out[vector] = select(vec4(0u), vec4(1u), holds);
}
