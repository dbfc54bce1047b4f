// losses[o, i] = −(1 − smoothing) · x[o, target[o, i], i] − smoothing / classes · Σ_c x[o, c, i]; 0 if the target is
// the ignored one, infinite if it is no class
//
// x         float32 [outer, classes, inner], log-probabilities
// targets   uint32 or int32 [outer, inner]
// losses    float32 [outer, inner]
// counted   float32 [outer, inner]: 0 for ignored targets, else 1
// settings  the lengths of the axes, smoothing; ignored: the bits of a target, if hasIgnored is 1
//
// One invocation computes one target. No features, default limits.
// Reference: test/reference/losses.ts, nllLoss

struct Settings {
	classes: u32,
	inner: u32,
	smoothing: f32,
	ignored: u32,
	hasIgnored: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> targets: array<u32>;
@group(0) @binding(2) var<storage, read_write> losses: array<f32>;
@group(0) @binding(3) var<storage, read_write> counted: array<f32>;
@group(0) @binding(4) var<uniform> settings: Settings;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let at = id.y * groups.x * 64u + id.x;
	if (at >= arrayLength(&losses)) { return; }
	let class_ = targets[at];
	let isIgnored = settings.hasIgnored == 1u && class_ == settings.ignored;
	counted[at] = select(1.0, 0.0, isIgnored);
	let base = at / settings.inner * settings.classes * settings.inner + at % settings.inner;
	var loss = 0.0;
	if (!isIgnored) {
		if (settings.smoothing > 0.0) {
			var sum = 0.0;
			for (var c = 0u; c < settings.classes; c++) { sum += x[base + c * settings.inner]; }
			loss = -settings.smoothing / f32(settings.classes) * sum;
		}
		if (class_ < settings.classes) { loss -= (1.0 - settings.smoothing) * x[base + class_ * settings.inner]; }
		else { loss = bitcast<f32>(settings.hasIgnored * 0u + 0x7f800000u); }
	}
	losses[at] = loss;
}
