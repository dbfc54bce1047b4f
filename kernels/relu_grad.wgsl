// dx[i] = dy[i] if y[i] > 0, else 0
//
// y   float32 [n], contiguous or blocked, as vectors of 4: the output of the ReLU, which is positive exactly
//     if its input was
// dy  float32 [n], as y
// dx  float32 [n], as y
//
// One invocation computes one vector. The last one may end after the last element. No features, default
// limits.
// Reference: test/reference/elementwise.ts, reluBackward

@group(0) @binding(0) var<storage, read> y: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&dx)) { return; }
	// y is 0 or positive or NaN, which passes the gradient as in PyTorch.
	dx[i] = select(dy[i], vec4(0.0), bitcast<vec4<u32>>(y[i]) == vec4(0u));
}
