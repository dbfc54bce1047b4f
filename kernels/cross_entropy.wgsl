// loss[r] = −logProbability[r, target[r]], the cross-entropy of each row; ∞ if the target is not a class
//
// logProbability  float32 [any, CLASSES, INNER], from softmax.wgsl with LOG 1
// target_         uint32 or int32 [any, INNER]
// loss            float32 [any, INNER]
//
// One invocation computes one row. No features, default limits.
// Reference: test/reference/losses.ts, crossEntropy

override CLASSES: u32;
override INNER: u32;

@group(0) @binding(0) var<storage, read> logProbability: array<f32>;
@group(0) @binding(1) var<storage, read> target_: array<u32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let r = id.y * groups.x * 64u + id.x;
	if (r >= arrayLength(&loss)) { return; }
	let label = target_[r];
	let at = (r / INNER * CLASSES + min(label, CLASSES - 1u)) * INNER + r % INNER;
	// A number that the compiler does not know: WGSL has no literal for ∞.
	let infinity = bitcast<f32>(0x7f800000u | (label & 0u));
	loss[r] = select(infinity, -logProbability[at], label < CLASSES);
}
