// out[i] = x[i] as another dtype
//
// x    float32 (FROM 0), int32 (1) or uint32 (2), contiguous, as vectors of 4
// out  likewise by TO
//
// From float32 numbers are rounded towards 0; NaN becomes 0, and what is out of range the nearest number in
// it. Between integers the bits are kept. One invocation computes one vector. No features, default limits.
// Reference: test/reference/elementwise.ts, cast

override FROM: u32;
override TO: u32;

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<u32>>;

// The largest float below 2³¹ and 2³²: a conversion of what is out of range is not defined on all adapters.
const largestInt = 2147483520.0;
const largestUint = 4294967040.0;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let vector = id.y * groups.x * 64u + id.x;
	if (vector >= arrayLength(&out)) { return; }
	let bits = x[vector];
	if (FROM == 0u) {
		let number = bitcast<vec4<f32>>(bits);
		let isNan = (bits & vec4(0x7fffffffu)) > vec4(0x7f800000u);
		if (TO == 1u) {
			let inside = vec4<i32>(clamp(number, vec4(-2147483648.0), vec4(largestInt)));
			let whole = select(inside, vec4(0x7fffffff), number > vec4(largestInt));
			out[vector] = bitcast<vec4<u32>>(select(whole, vec4(0), isNan));
		} else {
			let inside = vec4<u32>(clamp(number, vec4(0.0), vec4(largestUint)));
			let whole = select(inside, vec4(0xffffffffu), number > vec4(largestUint));
			out[vector] = select(whole, vec4(0u), isNan);
		}
	} else if (TO != 0u) { out[vector] = bits; }
	else if (FROM == 1u) { out[vector] = bitcast<vec4<u32>>(vec4<f32>(bitcast<vec4<i32>>(bits))); }
	else { out[vector] = bitcast<vec4<u32>>(vec4<f32>(bits)); }
}
