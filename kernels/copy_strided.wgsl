// out[j0, …, j7] = x[start + Σ j_a · X_a]: axis a of out steps through x by X_a
//
// x       any 32-bit dtype, contiguous, as vectors of 4
// xWords  the same buffer as words
// out     the same dtype [any, SIZE_1, …, SIZE_7], as vectors of 4; tensors of fewer axes have leading axes
//         of length 1
// start   the element of x that comes first
//
// A step is modulo 2³²: it may be negative. One invocation copies a vector of out. X_READS says what it
// reads: 1 a vector, 2 one element, 3 four elements. The last vector may end after the last element.
// No features, default limits.
// Reference: test/reference/shapes.ts, strided

override SIZE_1: u32 = 1u;
override SIZE_2: u32 = 1u;
override SIZE_3: u32 = 1u;
override SIZE_4: u32 = 1u;
override SIZE_5: u32 = 1u;
override SIZE_6: u32 = 1u;
override SIZE_7: u32 = 1u;
override X_READS: u32;
override X_0: u32 = 0u;
override X_1: u32 = 0u;
override X_2: u32 = 0u;
override X_3: u32 = 0u;
override X_4: u32 = 0u;
override X_5: u32 = 0u;
override X_6: u32 = 0u;
override X_7: u32 = 0u;

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> xWords: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<u32>>;
@group(0) @binding(3) var<uniform> start: u32;

fn elementOf(i: u32) -> u32 {
	let i6 = i / SIZE_7;
	let i5 = i6 / SIZE_6;
	let i4 = i5 / SIZE_5;
	let i3 = i4 / SIZE_4;
	let i2 = i3 / SIZE_3;
	let i1 = i2 / SIZE_2;
	let outer = i1 / SIZE_1 * X_0 + i1 % SIZE_1 * X_1 + i2 % SIZE_2 * X_2 + i3 % SIZE_3 * X_3;
	return start + outer + i4 % SIZE_4 * X_4 + i5 % SIZE_5 * X_5 + i6 % SIZE_6 * X_6 + i % SIZE_7 * X_7;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let vector = id.y * groups.x * 64u + id.x;
	if (vector >= arrayLength(&out)) { return; }
	let i = 4u * vector;
	let element = elementOf(i);
	if (X_READS == 1u) { out[vector] = x[element / 4u]; }
	else if (X_READS == 2u) { out[vector] = vec4(xWords[element]); }
	else {
		out[vector] = vec4(
			xWords[element],
			xWords[elementOf(i + 1u)],
			xWords[elementOf(i + 2u)],
			xWords[elementOf(i + 3u)],
		);
	}
}
