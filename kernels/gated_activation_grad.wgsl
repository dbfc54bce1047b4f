// dx[n, c, p] = dy[n, c, p] · (1 − t²) · g and dx[n, C + c, p] = dy[n, c, p] · t · g · (1 − g), with t =
// tanh(s[n, c, p]) and g = σ(s[n, C + c, p]) as in gated_activation.wgsl, computed again
//
// x     float32 [images, 2 · CHANNELS, PLANE]
// plus  float32 as x, read if PLUS is 1 (else any buffer)
// bias  float32 [images, 2 · CHANNELS], read if BIAS is 1 (else any buffer)
// dy    float32 [images, CHANNELS, PLANE]
// dx    float32 as x: the gradient of x and of plus; that of bias is its sum over the pixels
//
// One invocation computes both halves of dx for one element of dy. No features, default limits.
// Source: van den Oord et al., "Conditional image generation with PixelCNN decoders", 2016, equation 2.
// Reference: test/reference/gated_activation.ts, gatedActivationBackward

override CHANNELS: u32;
override PLANE: u32;
override PLUS: u32 = 0;
override BIAS: u32 = 0;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> plus: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

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
	if (i >= arrayLength(&dy)) { return; }
	let image = i / (CHANNELS * PLANE);
	let at = i + image * CHANNELS * PLANE;
	let biasAt = image * 2u * CHANNELS + i / PLANE % CHANNELS;
	let s = preactivation(at, biasAt);
	let gate = preactivation(at + CHANNELS * PLANE, biasAt + CHANNELS);
	let unknown = isNan(s) || isNan(gate);
	let a = clamp(s, -15.0, 15.0);
	let b = clamp(gate, -30.0, 30.0);
	let t = 1.0 - 2.0 / (exp(2.0 * a) + 1.0);
	let g = 1.0 / (1.0 + exp(-b));
	dx[at] = select(dy[i] * (1.0 - t * t) * g, s + gate, unknown);
	dx[at + CHANNELS * PLANE] = select(dy[i] * t * g * (1.0 - g), s + gate, unknown);
}
