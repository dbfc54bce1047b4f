// y[i] = max(x[i], 0)
//
// x  float32 [n], contiguous or blocked, as vectors of 4
// y  float32 [n], as x
//
// One invocation computes one vector. The last one may end after the last element. No features, default
// limits.
// Reference: test/reference/elementwise.ts, relu

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&y)) { return; }
	// x ≤ 0 by its bits, so that NaN stays NaN: WGSL lets compilers assume that there is none.
	let v = x[i];
	y[i] = select(v, vec4(0.0), bitcast<vec4<u32>>(v) - vec4(0x80000000u) <= vec4(0x7f800000u));
}
