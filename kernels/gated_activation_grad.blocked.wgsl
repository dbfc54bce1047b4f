// dx[n, c, p] = dy[n, c, p] · (1 − t²) · g and dx[n, C + c, p] = dy[n, c, p] · t · g · (1 − g), with t =
// tanh(s[n, c, p]) and g = σ(s[n, C + c, p]) as in gated_activation.blocked.wgsl, computed again
//
// x     float32 [blocks, plane, 2 · CHANNELS, 16], blocked
// plus  float32 as x, read if PLUS is 1 (else any buffer)
// bias  float32 [blocks, 2 · CHANNELS, 16], read if BIAS is 1 (else any buffer)
// dy    float32 [blocks, plane, CHANNELS, 16], blocked
// dx    float32 as x: the gradient of x and of plus
//
// One invocation computes both halves of dx for an element of dy of 4 images. No features, default limits.
// Source: van den Oord et al., "Conditional image generation with PixelCNN decoders", 2016, equation 2.
// Reference: test/reference/gated_activation.ts, gatedActivationBackward

override CHANNELS: u32;
override PLANE: u32;
override PLUS: u32 = 0;
override BIAS: u32 = 0;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> plus: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> dx: array<vec4<f32>>;

fn preactivation(at: u32, biasAt: u32) -> vec4<f32> {
	var sum = x[at];
	if (PLUS == 1u) { sum += plus[at]; }
	if (BIAS == 1u) { sum += bias[biasAt]; }
	return sum;
}

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: vec4<f32>) -> vec4<bool> { return (bitcast<vec4<u32>>(x) & vec4(0x7fffffffu)) > vec4(0x7f800000u); }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&dy)) { return; }
	let pixel = i / (4u * CHANNELS);
	let at = i + pixel * 4u * CHANNELS;
	let biasAt = at - (pixel - pixel / PLANE) * 8u * CHANNELS;
	let s = preactivation(at, biasAt);
	let gate = preactivation(at + 4u * CHANNELS, biasAt + 4u * CHANNELS);
	let unknown = isNan(s) | isNan(gate);
	let a = clamp(s, vec4(-15.0), vec4(15.0));
	let b = clamp(gate, vec4(-30.0), vec4(30.0));
	let t = 1.0 - 2.0 / (exp(2.0 * a) + 1.0);
	let g = 1.0 / (1.0 + exp(-b));
	let gradient = dy[i] * g;
	dx[at] = select(gradient * (1.0 - t * t), s + gate, unknown);
	dx[at + 4u * CHANNELS] = select(gradient * t * (1.0 - g), s + gate, unknown);
}
