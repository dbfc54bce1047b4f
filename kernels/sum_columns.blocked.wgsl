// out[s, k1, k2] = factor · Σ x[k1, r, k2] over the r of split s, in the order of sum.wgsl
//
// x      float32 [k1, r, k2], 4 neighbouring elements a vector
// out    float32 [splits, k1, k2], likewise; if splits > 1 a second launch sums the splits
// sizes  k1, r: lengths of the axes; k2: vectors of the last axis; splits; factor
//
// sum.wgsl for adapters on which a load of a vector takes hardly longer than one of a word (lavapipe,
// SwiftShader), for sums that are neighbours, with the same bits. An invocation computes 4 neighbouring sums
// of one split. No features, default limits.
// Reference: test/reference/reductions.ts, sum

struct Sizes {
	k1: u32,
	r: u32,
	k2: u32,
	splits: u32,
	factor: f32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let index = id.y * groups.x * 32u + id.x;
	let outputs = sizes.k1 * sizes.k2;
	let split = index / outputs;
	if (split >= sizes.splits) { return; }
	let k = index % outputs;
	let length = (sizes.r + sizes.splits - 1u) / sizes.splits;
	let first = split * length;
	let end = min(first + length, sizes.r);
	var at = (k / sizes.k2 * sizes.r + first) * sizes.k2 + k % sizes.k2;
	var total = vec4(0.0);
	for (var r = first; r < end; r++) {
		total += x[at];
		at += sizes.k2;
	}
	out[index] = sizes.factor * total;
}
