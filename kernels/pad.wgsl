// out[j0, …, j5] = x[(j_a − before_a) / STEP_a for each axis a] if that is an element of x, else the value
//
// x         any 32-bit dtype [LENGTH_0, …, LENGTH_5], contiguous
// out       the same dtype [any, SIZE_1, …, SIZE_5], as vectors of 4; tensors of fewer axes have leading axes of
//           length 1
// settings  value: the bits of what surrounds x; before0 to before5
//
// before is modulo 2³²: it may be negative, which leaves out elements of x. A quotient must be whole. This is
// also the gradient of a slice with steps. One invocation computes a vector of out. The last vector may end after
// the last element. No features, default limits.
// Reference: test/reference/shapes.ts, pad

override SIZE_1: u32 = 1u;
override SIZE_2: u32 = 1u;
override SIZE_3: u32 = 1u;
override SIZE_4: u32 = 1u;
override SIZE_5: u32 = 1u;
override LENGTH_0: u32 = 1u;
override LENGTH_1: u32 = 1u;
override LENGTH_2: u32 = 1u;
override LENGTH_3: u32 = 1u;
override LENGTH_4: u32 = 1u;
override LENGTH_5: u32 = 1u;
override STEP_0: u32 = 1u;
override STEP_1: u32 = 1u;
override STEP_2: u32 = 1u;
override STEP_3: u32 = 1u;
override STEP_4: u32 = 1u;
override STEP_5: u32 = 1u;

struct Settings {
	value: u32,
	before0: u32,
	before1: u32,
	before2: u32,
	before3: u32,
	before4: u32,
	before5: u32,
}

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<u32>>;
@group(0) @binding(2) var<uniform> settings: Settings;

fn isWithin(j: u32, step: u32, length: u32) -> bool { return j / step < length && j % step == 0u; }

fn valueOf(i: u32) -> u32 {
	let i4 = i / SIZE_5;
	let i3 = i4 / SIZE_4;
	let i2 = i3 / SIZE_3;
	let i1 = i2 / SIZE_2;
	let j0 = i1 / SIZE_1 - settings.before0;
	let j1 = i1 % SIZE_1 - settings.before1;
	let j2 = i2 % SIZE_2 - settings.before2;
	let j3 = i3 % SIZE_3 - settings.before3;
	let j4 = i4 % SIZE_4 - settings.before4;
	let j5 = i % SIZE_5 - settings.before5;
	let inside = isWithin(j0, STEP_0, LENGTH_0) && isWithin(j1, STEP_1, LENGTH_1) && isWithin(j2, STEP_2, LENGTH_2)
		&& isWithin(j3, STEP_3, LENGTH_3) && isWithin(j4, STEP_4, LENGTH_4) && isWithin(j5, STEP_5, LENGTH_5);
	if (!inside) { return settings.value; }
	var at = j0 / STEP_0;
	at = at * LENGTH_1 + j1 / STEP_1;
	at = at * LENGTH_2 + j2 / STEP_2;
	at = at * LENGTH_3 + j3 / STEP_3;
	at = at * LENGTH_4 + j4 / STEP_4;
	return x[at * LENGTH_5 + j5 / STEP_5];
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let vector = id.y * groups.x * 64u + id.x;
	if (vector >= arrayLength(&out)) { return; }
	let i = 4u * vector;
	out[vector] = vec4(valueOf(i), valueOf(i + 1u), valueOf(i + 2u), valueOf(i + 3u));
}
