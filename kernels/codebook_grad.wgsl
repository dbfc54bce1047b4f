// de[k, d] = factor · dy · (count[k] · e[k, d] − Σ z), the gradient of factor/2 · Σ_n ‖e_index[n] − z_n‖² by
// the codebook
//
// e        float32 [codes, dimensions]
// partial  float32 [splits, codes, dimensions + 1], from code_sums.wgsl
// dy       float32 [1], the gradient of the loss
// de       float32 [codes, dimensions]
// sizes    factor
//
// One invocation computes one element of de. No features, default limits.
// Reference: test/reference/codes.ts, codebookGradient

struct Sizes {
	codes: u32,
	dimensions: u32,
	splits: u32,
	factor: f32,
}

@group(0) @binding(0) var<storage, read> e: array<f32>;
@group(0) @binding(1) var<storage, read> partial: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> de: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&de)) { return; }
	let d = i % sizes.dimensions;
	var at = i / sizes.dimensions * (sizes.dimensions + 1u);
	var total = 0.0;
	var count = 0.0;
	for (var s = 0u; s < sizes.splits; s++) {
		total += partial[at + d];
		count += partial[at + sizes.dimensions];
		at += sizes.codes * (sizes.dimensions + 1u);
	}
	de[i] = sizes.factor * dy[0] * fma(count, e[i], -total);
}
