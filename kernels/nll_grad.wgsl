// dx[o, c, i] = −dy · factor · ((1 − smoothing) · (c = target) + smoothing / classes); 0 if the target is the ignored one
// or no class
//
// targets   uint32 or int32 [outer, inner]
// dy        float32: one number, or with PER_TARGET 1 [outer, inner]
// count     float32, one number by which the gradient is divided
// dx        float32 [outer, classes, inner]
// settings  the lengths of the axes, smoothing; ignored: the bits of a target, if hasIgnored is 1
//
// One invocation computes one element. No features, default limits.
// Reference: test/reference/losses.ts, nllLossBackward

struct Settings {
	classes: u32,
	inner: u32,
	smoothing: f32,
	ignored: u32,
	hasIgnored: u32,
}

override PER_TARGET: u32;

@group(0) @binding(0) var<storage, read> targets: array<u32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> count: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<uniform> settings: Settings;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let at = id.y * groups.x * 64u + id.x;
	if (at >= arrayLength(&dx)) { return; }
	let row = at / settings.inner;
	let row_ = row / settings.classes * settings.inner + at % settings.inner;
	let class_ = targets[row_];
	let isIgnored = settings.hasIgnored == 1u && class_ == settings.ignored;
	let gradient = dy[select(0u, row_, PER_TARGET == 1u)] / count[0];
	let own = select(0.0, 1.0 - settings.smoothing, row % settings.classes == class_);
	let factor = own + settings.smoothing / f32(settings.classes);
	dx[at] = select(-gradient * factor, 0.0, isIgnored || class_ >= settings.classes);
}
