// transposed[b, d, j] = −codebook[k, d],  halfNorm[k] = ½ Σ_d codebook[k, d]², for code k = width·b + j
//
// codebook    float32 [codes, dimensions]
// transposed  float32 [paddedCodes / width, paddedDimensions, width]
// halfNorm    float32 [paddedCodes]
// sizes       width: codes that are next to each other
//
// This is how the variants of nearest_code.wgsl read the codebook: `width` neighbouring codes next to each
// other, one dimension after the other, with the sign that the distance needs. Codes that are added are at
// an unreachable distance; dimensions that are added are 0. One invocation computes one code. No features,
// default limits.
// Reference: test/reference/codes.ts, prepareCodebook

struct Sizes {
	codes: u32,
	dimensions: u32,
	paddedCodes: u32,
	paddedDimensions: u32,
	width: u32,
}

@group(0) @binding(0) var<storage, read> codebook: array<f32>;
@group(0) @binding(1) var<storage, read_write> transposed: array<f32>;
@group(0) @binding(2) var<storage, read_write> halfNorm: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let k = id.y * groups.x * 64u + id.x;
	if (k >= sizes.paddedCodes) { return; }
	let base = k / sizes.width * sizes.paddedDimensions * sizes.width + k % sizes.width;
	var norm = 0.0;
	for (var d = 0u; d < sizes.paddedDimensions; d++) {
		let inside = k < sizes.codes && d < sizes.dimensions;
		let e = select(0.0, codebook[select(0u, k * sizes.dimensions + d, inside)], inside);
		transposed[base + d * sizes.width] = -e;
		norm = fma(e, e, norm);
	}
	halfNorm[k] = select(3.4e38, 0.5 * norm, k < sizes.codes);
}
