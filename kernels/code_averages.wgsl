// N[k] ← γ N[k] + (1 − γ) n[k],  m[k, d] ← γ m[k, d] + (1 − γ) Σ z, with n and Σ z of this step's latents of
// code k
//
// partial       float32 [splits, codes, dimensions + 1], from code_sums.wgsl: Σ z, and n in the last column
// clusterSize   float32 [codes], N
// embeddingSum  float32 [codes, dimensions], m
// sizes         decay: γ
//
// One invocation computes one column of one code. No features, default limits.
// Source: van den Oord et al., "Neural discrete representation learning", 2017, appendix A.1.
// Reference: test/reference/quantizers.ts, AveragedCodebook

struct Sizes {
	codes: u32,
	dimensions: u32,
	splits: u32,
	decay: f32,
	// 1 − γ, computed in float64
	complement: f32,
}

@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> clusterSize: array<f32>;
@group(0) @binding(2) var<storage, read_write> embeddingSum: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	let columns = sizes.dimensions + 1u;
	let rows = sizes.codes * columns;
	if (i >= rows) { return; }
	var total = 0.0;
	for (var s = 0u; s < sizes.splits; s++) { total += partial[s * rows + i]; }
	let k = i / columns;
	let d = i % columns;
	if (d == sizes.dimensions) { clusterSize[k] = fma(sizes.decay, clusterSize[k], sizes.complement * total); }
	else {
		let at = k * sizes.dimensions + d;
		embeddingSum[at] = fma(sizes.decay, embeddingSum[at], sizes.complement * total);
	}
}
