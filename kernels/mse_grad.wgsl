// da[i] = factor · dy · (a[i] − b[i]) + added[i], the gradient of factor/2 · Σ (a − b)²; with a and b
// exchanged it is that of b
//
// a        float32 [n]
// b        float32 [n]
// added    float32 [n], another gradient of a; read only with HAS_ADDED
// da       float32 [n]
// dy       float32 [1], the gradient of the loss
// scalars  factor
//
// One invocation computes one element. No features, default limits.
// Reference: test/reference/losses.ts, mseLossBackward

override HAS_ADDED: bool;

struct Scalars { factor: f32 }

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read> added: array<f32>;
@group(0) @binding(3) var<storage, read_write> da: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<uniform> scalars: Scalars;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&da)) { return; }
	let gradient = scalars.factor * dy[0] * (a[i] - b[i]);
	if (HAS_ADDED) { da[i] = added[i] + gradient; } else { da[i] = gradient; }
}
