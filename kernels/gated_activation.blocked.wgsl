// y[n, c, p] = tanh(s[n, c, p]) · σ(s[n, C + c, p]) with s[n, i, p] = x[n, i, p] + plus[n, i, p] + bias[n,
// i]
//
// x     float32 [blocks, plane, 2 · CHANNELS, 16], blocked
// plus  float32 as x, read if PLUS is 1 (else any buffer)
// bias  float32 [blocks, 2 · CHANNELS, 16], read if BIAS is 1 (else any buffer)
// y     float32 [blocks, plane, CHANNELS, 16], blocked
//
// One invocation computes an element of y of 4 images. No features, default limits.
// Source: van den Oord et al., "Conditional image generation with PixelCNN decoders", 2016, equation 2.
// Reference: test/reference/gated_activation.ts, gatedActivation

override CHANNELS: u32;
override PLANE: u32;
override PLUS: u32 = 0;
override BIAS: u32 = 0;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> plus: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

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
	if (i >= arrayLength(&y)) { return; }
	let pixel = i / (4u * CHANNELS);
	let at = i + pixel * 4u * CHANNELS;
	let biasAt = at - (pixel - pixel / PLANE) * 8u * CHANNELS;
	let s = preactivation(at, biasAt);
	let gate = preactivation(at + 4u * CHANNELS, biasAt + 4u * CHANNELS);
	let a = clamp(s, vec4(-15.0), vec4(15.0));
	let b = clamp(gate, vec4(-30.0), vec4(30.0));
	let gated = (1.0 - 2.0 / (exp(2.0 * a) + 1.0)) / (1.0 + exp(-b));
	y[i] = select(gated, s + gate, isNan(s) | isNan(gate));
}
