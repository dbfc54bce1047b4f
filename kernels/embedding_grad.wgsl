// partial[s, k, d] = Σ dy[n, d] over the n of split s with index[n] = k; sum.wgsl then adds the splits
//
// index    uint32 or int32 [N]
// dy       float32 [N / INNER, DIMENSIONS, INNER]
// partial  float32 [SPLITS, ROWS, DIMENSIONS]
//
// A segmented sum without atomics: an invocation owns column d of split s, clears it, and adds the rows of
// the split to their segments in order. Two invocations never write the same word, so the order of the
// additions is fixed (compare the partial segments of PyTorch's embedding backward). No features, default
// limits.
// Reference: test/reference/embedding.ts, embeddingBackward

override N: u32;
override ROWS: u32;
override DIMENSIONS: u32;
override INNER: u32;
override SPLITS: u32;
override SPLIT_LENGTH = (N + SPLITS - 1u) / SPLITS;

@group(0) @binding(0) var<storage, read> index: array<u32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	let split = i / DIMENSIONS;
	let d = i % DIMENSIONS;
	if (split >= SPLITS) { return; }
	let base = split * ROWS * DIMENSIONS + d;
	for (var k = 0u; k < ROWS; k++) { partial[base + k * DIMENSIONS] = 0.0; }
	let end = min((split + 1u) * SPLIT_LENGTH, N);
	for (var n = split * SPLIT_LENGTH; n < end; n++) {
		let k = index[n];
		if (k < ROWS) { partial[base + k * DIMENSIONS] += dy[(n / INNER * DIMENSIONS + d) * INNER + n % INNER]; }
	}
}
