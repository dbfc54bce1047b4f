// g ← g + penalty · w,  m ← β₁m + (1 − β₁)g,  v ← β₂v + (1 − β₂)g²,
// w ← shrink · w − lr / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
//
// w0, w1, w2  float32, three parameters, or parameters that are in one buffer
// g0, g1, g2  float32, their gradients
// moments     float32 [2, total], m and v of the group's parameters one after the other; with SECOND_IN_W1 m
//             alone, and w1 is v of the only parameter
// settings    computed by the host for step t
// sizes       first: the element of the group with which w0 starts; start1, start2, end: those with which w1
//             and w2 start and the last one of them ends, from `first`; there may be elements between two
//             that belong to none; updated: bit i is 1 if parameter i is updated
//
// One invocation computes one element. Three parameters are as many as fit into 8 storage buffers. In a
// captured step all parameters of a group are one. No features, default limits.
// Source: Kingma & Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1, in the form of
// torch.optim.Adam and AdamW.
// Reference: test/reference/adam.ts, Adam

override SECOND_IN_W1: bool;

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
	// Weight decay: 1 − lr · λ of AdamW, λ of Adam.
	shrink: f32,
	penalty: f32,
}

struct Sizes {
	first: u32,
	start1: u32,
	start2: u32,
	end: u32,
	total: u32,
	updated: u32,
}

@group(0) @binding(0) var<storage, read_write> w0: array<f32>;
@group(0) @binding(1) var<storage, read_write> w1: array<f32>;
@group(0) @binding(2) var<storage, read_write> w2: array<f32>;
@group(0) @binding(3) var<storage, read> g0: array<f32>;
@group(0) @binding(4) var<storage, read> g1: array<f32>;
@group(0) @binding(5) var<storage, read> g2: array<f32>;
@group(0) @binding(6) var<storage, read_write> moments: array<f32>;
@group(0) @binding(7) var<storage, read> settings: Settings;
@group(0) @binding(8) var<uniform> sizes: Sizes;

// The new value of an element, whose moments are updated.
fn updated(element: u32, weight: f32, plain: f32) -> f32 {
	let i = sizes.first + element;
	let gradient = fma(settings.penalty, weight, plain);
	let first = fma(settings.beta1, moments[i], settings.complement1 * gradient);
	var second = settings.complement2 * gradient * gradient;
	moments[i] = first;
	if (SECOND_IN_W1) {
		second = fma(settings.beta2, w1[i], second);
		w1[i] = second;
	} else {
		second = fma(settings.beta2, moments[sizes.total + i], second);
		moments[sizes.total + i] = second;
	}
	return settings.shrink * weight - settings.stepSize * first / fma(sqrt(second), settings.rootCorrection, settings.epsilon);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= sizes.end) { return; }
	if (i < sizes.start1) {
		if ((sizes.updated & 1u) != 0u && i < arrayLength(&w0)) { w0[i] = updated(i, w0[i], g0[i]); }
	} else if (i < sizes.start2) {
		let j = i - sizes.start1;
		if ((sizes.updated & 2u) != 0u && j < arrayLength(&w1)) { w1[j] = updated(i, w1[j], g1[j]); }
	} else {
		let j = i - sizes.start2;
		if ((sizes.updated & 4u) != 0u && j < arrayLength(&w2)) { w2[j] = updated(i, w2[j], g2[j]); }
	}
}
