// dx[r, c] = factor · dy · (exp(logProbability[r, c]) − [c = target[r]]); 0 in rows whose target is not a
// class
//
// logProbability  float32 [any, CLASSES, INNER], from softmax.wgsl with LOG 1
// target_         uint32 or int32 [any, INNER]
// dy              float32 [1], the gradient of the loss
// dx              float32 as logProbability
// scalars         factor: 1 / number of rows, for the mean
//
// One invocation computes one element. No features, default limits.
// Reference: test/reference/losses.ts, crossEntropyBackward

struct Scalars { factor: f32 }

override CLASSES: u32;
override INNER: u32;

@group(0) @binding(0) var<storage, read> logProbability: array<f32>;
@group(0) @binding(1) var<storage, read> target_: array<u32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<uniform> scalars: Scalars;

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

// exp(x), and NaN for NaN: on some adapters exp(NaN) is infinity.
fn expOrNan(x: f32) -> f32 { return select(exp(x), x, isNan(x)); }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&dx)) { return; }
	let label = target_[i / (CLASSES * INNER) * INNER + i % INNER];
	let isTarget = i / INNER % CLASSES == label;
	let difference = expOrNan(logProbability[i]) - select(0.0, 1.0, isTarget);
	dx[i] = select(0.0, scalars.factor * dy[0] * difference, label < CLASSES);
}
