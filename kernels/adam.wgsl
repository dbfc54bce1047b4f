// m ← β₁m + (1 − β₁)g,  v ← β₂v + (1 − β₂)g²,  w ← w − lr / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
//
// w         float32 [n], the parameter
// m, v      float32 [n], its first and second moment
// g         float32 [n], its gradient
// settings  computed by the host for step t
//
// One invocation computes one element. No features, default limits.
// Source: Kingma & Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1, in the form of
// torch.optim.Adam.
// Reference: test/reference/adam.ts, Adam

struct Settings {
	beta1: f32,
	// 1 − β, computed in float64: in float32 1 − 0.999 is off by 1.3e-5 of itself.
	complement1: f32,
	beta2: f32,
	complement2: f32,
	epsilon: f32,
	// lr / (1 − β₁ᵗ)
	stepSize: f32,
	// 1 / √(1 − β₂ᵗ)
	rootCorrection: f32,
}

@group(0) @binding(0) var<storage, read_write> w: array<f32>;
@group(0) @binding(1) var<storage, read_write> m: array<f32>;
@group(0) @binding(2) var<storage, read_write> v: array<f32>;
@group(0) @binding(3) var<storage, read> g: array<f32>;
@group(0) @binding(4) var<storage, read> settings: Settings;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&w)) { return; }
	let gradient = g[i];
	let first = fma(settings.beta1, m[i], settings.complement1 * gradient);
	let second = fma(settings.beta2, v[i], settings.complement2 * gradient * gradient);
	m[i] = first;
	v[i] = second;
	w[i] -= settings.stepSize * first / fma(sqrt(second), settings.rootCorrection, settings.epsilon);
}
