// out[i] = dy[i] · ∂(a[i'] ∘ b[i'']) / ∂a, or ∂b with SIDE 1; ∘ = / (OPERATION 3), max (4), min (5) or
// power (6)
//
// dy                       float32, of the output's shape, as vectors of 4
// a, b                     float32, of the output's shape or broadcast to it, likewise
// dyWords, aWords, bWords  the same buffers as words
// out                      float32, contiguous, as vectors of 4
//
// Of equal operands of max and min each gets half of the gradient, as in PyTorch. The output is [any, SIZE_1,
// …, SIZE_5]; B_0 to B_5 are the strides of a, 0 along an axis on which it is broadcast. B_READS says what a
// vector of the output needs of a: 0 the same vector, 1 another one, 2 one element, 3 four elements;
// likewise A of dy and C of b. One invocation computes one vector. The last vectors may end after the last
// element. No features, default limits.
// Reference: test/reference/elementwise.ts, binaryBackward

override OPERATION: u32;
override SIDE: u32;
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
override C_READS: u32 = 0u;
override C_0: u32 = 0u;
override C_1: u32 = 0u;
override C_2: u32 = 0u;
override C_3: u32 = 0u;
override C_4: u32 = 0u;
override C_5: u32 = 0u;

@group(0) @binding(0) var<storage, read> dy: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> dyWords: array<u32>;
@group(0) @binding(2) var<storage, read> a: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> aWords: array<u32>;
@group(0) @binding(4) var<storage, read> b: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read> bWords: array<u32>;
@group(0) @binding(6) var<storage, read_write> out: array<vec4<u32>>;

// The element that output element i needs of an operand with these strides.
fn elementOf(i: u32, outer: vec3<u32>, inner: vec3<u32>) -> u32 {
	let i4 = i / SIZE_5;
	let i3 = i4 / SIZE_4;
	let i2 = i3 / SIZE_3;
	let i1 = i2 / SIZE_2;
	return i1 / SIZE_1 * outer.x + i1 % SIZE_1 * outer.y + i2 % SIZE_2 * outer.z
		+ i3 % SIZE_3 * inner.x + i4 % SIZE_4 * inner.y + i % SIZE_5 * inner.z;
}

fn dyOf(i: u32) -> u32 { return elementOf(i, vec3(A_0, A_1, A_2), vec3(A_3, A_4, A_5)); }

fn aOf(i: u32) -> u32 { return elementOf(i, vec3(B_0, B_1, B_2), vec3(B_3, B_4, B_5)); }

fn bOf(i: u32) -> u32 { return elementOf(i, vec3(C_0, C_1, C_2), vec3(C_3, C_4, C_5)); }

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: vec4<f32>) -> vec4<bool> { return (bitcast<vec4<u32>>(x) & vec4(0x7fffffffu)) > vec4(0x7f800000u); }

// x^y for the exponents that are computed by products, roots and quotients, with less rounding than pow.
fn powerOf(x: f32, y: f32) -> f32 {
	if (y == 0.0 || x == 1.0) { return 1.0; }
	if (isNan(vec4(x)).x || isNan(vec4(y)).x) { return x + y; }
	if (y == 1.0) { return x; }
	if (y == 2.0) { return x * x; }
	if (y == 3.0) { return x * x * x; }
	if (y == -1.0) { return 1.0 / x; }
	if (y == 0.5) { return select(sqrt(abs(x)), notANumber(x), x < 0.0); }
	let whole = floor(y) == y;
	if (x < 0.0 && !whole) { return notANumber(x); }
	if (x == 0.0) { return select(1.0 / abs(x), 0.0, y > 0.0); }
	let odd = whole && abs(y) < 16777216.0 && (i32(y) & 1) == 1;
	let size = pow(abs(x), y);
	return select(size, -size, x < 0.0 && odd);
}

// A NaN that the compiler cannot compute beforehand.
fn notANumber(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) | 0x7fc00000u); }

fn ofPower(x: f32, y: f32) -> f32 {
	if (SIDE == 0u) { return select(y * powerOf(x, y - 1.0), 0.0, y == 0.0); }
	if (x == 0.0 && y >= 0.0) { return 0.0; }
	return powerOf(x, y) * select(log(abs(x)), notANumber(x), x < 0.0);
}

fn derivative(x: vec4<f32>, y: vec4<f32>) -> vec4<f32> {
	let sign = select(1.0, -1.0, (OPERATION == 5u) != (SIDE == 1u));
	switch (OPERATION) {
		case 3u {
			if (SIDE == 0u) { return 1.0 / y; }
			return -x / (y * y);
		}
		case 6u { return vec4(ofPower(x.x, y.x), ofPower(x.y, y.y), ofPower(x.z, y.z), ofPower(x.w, y.w)); }
		default {
			let larger = sign * x > sign * y;
			return select(select(vec4(0.0), vec4(1.0), larger), vec4(0.5), x == y);
		}
	}
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let vector = id.y * groups.x * 64u + id.x;
	if (vector >= arrayLength(&out)) { return; }
	let i = 4u * vector;
	var gradient: vec4<u32>;
	if (A_READS == 0u) { gradient = dy[vector]; }
	else if (A_READS == 1u) { gradient = dy[dyOf(i) / 4u]; }
	else if (A_READS == 2u) { gradient = vec4(dyWords[dyOf(i)]); }
	else { gradient = vec4(dyWords[dyOf(i)], dyWords[dyOf(i + 1u)], dyWords[dyOf(i + 2u)], dyWords[dyOf(i + 3u)]); }
	var x: vec4<u32>;
	if (B_READS == 0u) { x = a[vector]; }
	else if (B_READS == 1u) { x = a[aOf(i) / 4u]; }
	else if (B_READS == 2u) { x = vec4(aWords[aOf(i)]); }
	else { x = vec4(aWords[aOf(i)], aWords[aOf(i + 1u)], aWords[aOf(i + 2u)], aWords[aOf(i + 3u)]); }
	var y: vec4<u32>;
	if (C_READS == 0u) { y = b[vector]; }
	else if (C_READS == 1u) { y = b[bOf(i) / 4u]; }
	else if (C_READS == 2u) { y = vec4(bWords[bOf(i)]); }
	else { y = vec4(bWords[bOf(i)], bWords[bOf(i + 1u)], bWords[bOf(i + 2u)], bWords[bOf(i + 3u)]); }
	let factor = derivative(bitcast<vec4<f32>>(x), bitcast<vec4<f32>>(y));
	out[vector] = bitcast<vec4<u32>>(bitcast<vec4<f32>>(gradient) * factor);
}
