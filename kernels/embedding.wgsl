// out[a, d, b] = weight[index[a, b], d]; 0 if no row has the index
//
// index   uint32 or int32 [any, INNER]
// weight  float32 [ROWS, DIMENSIONS]
// out     float32 [any, DIMENSIONS, INNER]: [N, DIMENSIONS] with INNER 1, NCHW with INNER H·W
//
// One invocation computes one element of out. No features, default limits.
// Reference: test/reference/embedding.ts, embedding

override ROWS: u32;
override DIMENSIONS: u32;
override INNER: u32;

@group(0) @binding(0) var<storage, read> index: array<u32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&out)) { return; }
	let row = index[i / (DIMENSIONS * INNER) * INNER + i % INNER];
	let d = i / INNER % DIMENSIONS;
	out[i] = select(0.0, weight[min(row, ROWS - 1u) * DIMENSIONS + d], row < ROWS);
}
