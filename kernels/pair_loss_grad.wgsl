// dx[i] = factor · dy · ∂f(a[i], b[i]) / ∂a, or ∂b with SIDE 1, of the f of pair_loss.wgsl
//
// a, b      float32, as vectors of 4
// dy        float32: one number, or with PER_ELEMENT 1 as many as a has, as vectors of 4
// dx        float32 as a
// settings  beta, factor
//
// One invocation computes one vector. The last one may end after the last element. No features, default limits.
// Reference: test/reference/losses.ts, pairLossBackward

struct Settings { beta: f32, factor: f32 }

override OPERATION: u32;
override SIDE: u32;
override PER_ELEMENT: u32;

@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> settings: Settings;

fn derivative(x: vec4<f32>, y: vec4<f32>) -> vec4<f32> {
	let difference = x - y;
	let direction = select(1.0, -1.0, SIDE == 1u);
	if (OPERATION == 0u) { return direction * signOf(difference); }
	if (OPERATION == 1u) {
		return direction * select(signOf(difference), difference / settings.beta, abs(difference) < vec4(settings.beta));
	}
	if (SIDE == 1u) { return -x; }
	let e = exp(-abs(x));
	return select(vec4(1.0), e, x < vec4(0.0)) / (1.0 + e) - y;
}

// The sign, and NaN of NaN.
fn signOf(x: vec4<f32>) -> vec4<f32> {
	let isNan = (bitcast<vec4<u32>>(x) & vec4(0x7fffffffu)) > vec4(0x7f800000u);
	return select(sign(x), x, isNan);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&dx)) { return; }
	var gradient = vec4(dy[0].x);
	if (PER_ELEMENT == 1u) { gradient = dy[i]; }
	dx[i] = settings.factor * gradient * derivative(a[i], b[i]);
}
