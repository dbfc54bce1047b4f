// partial[s, k, d] = Σ z[n, d] over the n of split s with index[n] = k; in column DIMENSIONS how many these
// are
//
// index    uint32 or int32 [N]
// z        float32 [N / INNER, DIMENSIONS, INNER]
// partial  float32 [SPLITS, CODES, DIMENSIONS + 1]
//
// A segmented sum without atomics, as embedding_grad.wgsl: an invocation owns column d of split s, clears
// it, and adds the rows of the split in order. The counts are exact up to 2²⁴ in a split. No features,
// default limits.
// Reference: test/reference/codes.ts, codeSums

override N: u32;
override CODES: u32;
override DIMENSIONS: u32;
override INNER: u32;
override SPLITS: u32;
override SPLIT_LENGTH = (N + SPLITS - 1u) / SPLITS;
override COLUMNS = DIMENSIONS + 1u;

@group(0) @binding(0) var<storage, read> index: array<u32>;
@group(0) @binding(1) var<storage, read> z: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	let split = i / COLUMNS;
	let d = i % COLUMNS;
	if (split >= SPLITS) { return; }
	let base = split * CODES * COLUMNS + d;
	for (var k = 0u; k < CODES; k++) { partial[base + k * COLUMNS] = 0.0; }
	let end = min((split + 1u) * SPLIT_LENGTH, N);
	for (var n = split * SPLIT_LENGTH; n < end; n++) {
		let k = index[n];
		let at = (n / INNER * DIMENSIONS + min(d, DIMENSIONS - 1u)) * INNER + n % INNER;
		if (k < CODES) { partial[base + k * COLUMNS] += select(z[at], 1.0, d == DIMENSIONS); }
	}
}
