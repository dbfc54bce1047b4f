// g ← g + penalty · w;  with MOMENTUM 1 b ← keep · b + take · g, and g ← b, or with NESTEROV 1 g ← g + momentum · b;
// w ← w − lr · g
//
// w0, w1, w2  float32, three parameters, or parameters that are in one buffer
// g0, g1, g2  float32, their gradients
// moments     float32 [1, total], b of the group's parameters one after the other; not read if MOMENTUM is 0
// settings    computed by the host for the step
// sizes       first: the element of the group with which w0 starts; start1, start2, end: those with which w1
//             and w2 start and the last one of them ends, from `first`; there may be elements between two
//             that belong to none; updated: bit i is 1 if parameter i is updated
//
// One invocation computes one element. Three parameters are as many as fit into 8 storage buffers. In a
// captured step all parameters of a group are one. No features, default limits.
// Source: Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013, in the form of
// torch.optim.SGD.
// Reference: test/reference/optimizers.ts, SGD

override MOMENTUM: u32;
override NESTEROV: u32;

struct Settings {
	lr: f32,
	momentum: f32,
	// In the first step 0 and 1, then momentum and 1 − dampening.
	keep: f32,
	take: f32,
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

// The new value of an element, whose moment is updated.
fn updated(element: u32, weight: f32, plain: f32) -> f32 {
	let i = sizes.first + element;
	var gradient = fma(settings.penalty, weight, plain);
	if (MOMENTUM == 1u) {
		let buffer = fma(settings.keep, moments[i], settings.take * gradient);
		moments[i] = buffer;
		if (NESTEROV == 1u) { gradient = fma(settings.momentum, buffer, gradient); } else { gradient = buffer; }
	}
	return weight - settings.lr * gradient;
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
