// dw[o, c] = Σ_s partial[s, o, c],  db[o] = Σ_s partialBias[s, o]
//
// partial      float32 [splits, outChannels, rowLength], of which the first `columns` of a row are used;
//              from the tiled or blocked variant of convolution_weight_grad.wgsl
// partialBias  float32 [splits, biasChannels]
// dw           float32 [outChannels, columns]
// db           float32 [biasChannels]
// sizes        columns, rowLength; biasChannels: 0 for no db
//
// One invocation computes one element of dw or, after those, of db. No features, default limits.
// Reference: test/reference/convolution.ts, conv2dBackward

struct Sizes {
	outChannels: u32,
	columns: u32,
	rowLength: u32,
	splits: u32,
	biasChannels: u32,
}

@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read> partialBias: array<f32>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;
@group(0) @binding(3) var<storage, read_write> db: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let index = id.y * groups.x * 64u + id.x;
	let weights = sizes.outChannels * sizes.columns;
	if (index < weights) {
		let base = index / sizes.columns * sizes.rowLength + index % sizes.columns;
		var sum = 0.0;
		for (var s = 0u; s < sizes.splits; s++) { sum += partial[base + s * sizes.outChannels * sizes.rowLength]; }
		dw[index] = sum;
	} else if (index < weights + sizes.biasChannels) {
		var sum = 0.0;
		for (var s = 0u; s < sizes.splits; s++) { sum += partialBias[s * sizes.biasChannels + index - weights]; }
		db[index - weights] = sum;
	}
}
