// transposed[b, d, j] = −codebook[k, d],  halfNorm[k] = ½ Σ_d codebook[k, d]², for code k = width·b + j
//
// The form in which nearest_code.wgsl and its variant read the codebook: `width` neighbouring codes side by side, one
// dimension after the other, with the sign that the distance has them with. The numbers of codes and dimensions are
// rounded up as the kernel needs it; the codes added are at an unreachable distance, the dimensions added 0.
// codebook    float32 [codes, dimensions]
// transposed  float32 [paddedCodes / width, paddedDimensions, width]
// halfNorm    float32 [paddedCodes]
//
// One invocation a code. No features, default limits.

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
