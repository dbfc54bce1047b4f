// g ← g + penalty · w,  v ← αv + (1 − α)g²,  a ← √v + ε, or with CENTERED 1 c ← αc + (1 − α)g, a ← √(v − c²) + ε;
// w ← w − lr · g / a, or with MOMENTUM 1 b ← momentum · b + g / a, w ← w − lr · b
//
// w0, w1, w2  float32, three parameters, or parameters that are in one buffer
// g0, g1, g2  float32, their gradients
// moments     float32 [rows, total], v, then b if MOMENTUM is 1, then c if CENTERED is 1, of the group's parameters one
//             after the other; with APART v alone, and w1 and w2 are the other rows of the only parameter
// settings    computed by the host for the step
// sizes       first: the element of the group with which w0 starts; start1, start2, end: those with which w1
//             and w2 start and the last one of them ends, from `first`; there may be elements between two
//             that belong to none; updated: bit i is 1 if parameter i is updated
//
// One invocation computes one element. Three parameters are as many as fit into 8 storage buffers. In a
// captured step all parameters of a group are one. No features, default limits.
// Source: Tieleman & Hinton, "Lecture 6.5: rmsprop", 2012, in the form of torch.optim.RMSprop.
// Reference: test/reference/optimizers.ts, RMSprop

override MOMENTUM: u32;
override CENTERED: u32;
override APART: bool;

struct Settings {
	lr: f32,
	alpha: f32,
	// 1 − α, computed in float64.
	complement: f32,
	epsilon: f32,
	momentum: f32,
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

// A moment of an element, of row 1 or 2.
fn moment(row: u32, i: u32) -> f32 {
	if (!APART) { return moments[row * sizes.total + i]; }
	if (row == 1u) { return w1[i]; }
	return w2[i];
}

fn setMoment(row: u32, i: u32, value: f32) {
	if (!APART) {
		moments[row * sizes.total + i] = value;
	} else if (row == 1u) {
		w1[i] = value;
	} else {
		w2[i] = value;
	}
}

// The new value of an element, whose moments are updated.
fn updated(element: u32, weight: f32, plain: f32) -> f32 {
	let i = sizes.first + element;
	let gradient = fma(settings.penalty, weight, plain);
	let square = fma(settings.alpha, moments[i], settings.complement * gradient * gradient);
	moments[i] = square;
	var spread = square;
	if (CENTERED == 1u) {
		let mean = fma(settings.alpha, moment(1u + MOMENTUM, i), settings.complement * gradient);
		setMoment(1u + MOMENTUM, i, mean);
		spread = square - mean * mean;
	}
	var direction = gradient / (sqrt(spread) + settings.epsilon);
	if (MOMENTUM == 1u) {
		direction = fma(settings.momentum, moment(1u, i), direction);
		setMoment(1u, i, direction);
	}
	return weight - settings.lr * direction;
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
