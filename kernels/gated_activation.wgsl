// y[n, c, p] = tanh(s[n, c, p]) · σ(s[n, C + c, p]) with s[n, i, p] = x[n, i, p] + plus[n, i, p] + bias[n,
// i]
//
// x     float32 [images, 2 · CHANNELS, PLANE]
// plus  float32 as x, read if PLUS is 1 (else any buffer)
// bias  float32 [images, 2 · CHANNELS], read if BIAS is 1 (else any buffer)
// y     float32 [images, CHANNELS, PLANE]
//
// Both functions are computed from exp, with arguments bounded so that it stays finite. One invocation
// computes one element of y. No features, default limits.
// Source: van den Oord et al., "Conditional image generation with PixelCNN decoders", 2016, equation 2.
// Reference: test/reference/gated_activation.ts, gatedActivation

override CHANNELS: u32;
override PLANE: u32;
override PLUS: u32 = 0;
override BIAS: u32 = 0;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> plus: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn preactivation(at: u32, biasAt: u32) -> f32 {
	var sum = x[at];
	if (PLUS == 1u) { sum += plus[at]; }
	if (BIAS == 1u) { sum += bias[biasAt]; }
	return sum;
}

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&y)) { return; }
	let image = i / (CHANNELS * PLANE);
	let at = i + image * CHANNELS * PLANE;
	let biasAt = image * 2u * CHANNELS + i / PLANE % CHANNELS;
	let s = preactivation(at, biasAt);
	let gate = preactivation(at + CHANNELS * PLANE, biasAt + CHANNELS);
	let a = clamp(s, -15.0, 15.0);
	let b = clamp(gate, -30.0, 30.0);
	let gated = (1.0 - 2.0 / (exp(2.0 * a) + 1.0)) / (1.0 + exp(-b));
	y[i] = select(gated, s + gate, isNan(s) || isNan(gate));
}
