// transposed[d, k] = codebook[k, d],  halfNorm[k] = ½ Σ_d codebook[k, d]²
//
// The form in which nearest_code.wgsl reads the codebook: neighbouring codes side by side, their number rounded up to a
// multiple of 8; the codes added are at an unreachable distance.
// codebook    float32 [CODES, DIMENSIONS]
// transposed  float32 [DIMENSIONS, CODES rounded up to 8]
// halfNorm    float32 [CODES rounded up to 8]
//
// One invocation a code. No features, default limits.

override CODES: u32;
override DIMENSIONS: u32;
override PADDED_CODES = (CODES + 7u) / 8u * 8u;

@group(0) @binding(0) var<storage, read> codebook: array<f32>;
@group(0) @binding(1) var<storage, read_write> transposed: array<f32>;
@group(0) @binding(2) var<storage, read_write> halfNorm: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let k = id.y * groups.x * 64u + id.x;
	if (k >= PADDED_CODES) { return; }
	var norm = 0.0;
	for (var d = 0u; d < DIMENSIONS; d++) {
		let e = select(0.0, codebook[min(k, CODES - 1u) * DIMENSIONS + d], k < CODES);
		transposed[d * PADDED_CODES + k] = e;
		norm = fma(e, e, norm);
	}
	halfNorm[k] = select(3.4e38, 0.5 * norm, k < CODES);
}
