// out[s, o, indices[j], i] = x[o, ·, i] + Σ source[o, j, i] over the j of split s, in their order; with PER_ELEMENT 1
// the index is indices[o, j, i]
//
// x        float32 (TYPE 0), int32 or uint32 (1) [outer, length, inner]; added in split 0 if HAS_X is 1, else not read
// indices  uint32 or int32 [count], or [outer, count, inner] with PER_ELEMENT 1; one that is not in [0, length) is left
//          out
// source   the same dtype [outer, count, inner]
// out      the same dtype [splits, outer, length, inner]; if splits > 1 a second launch sums the splits
// sizes    the lengths of the axes, splits
//
// One invocation computes a line out[s, o, ·, i]: it alone writes there, so the order of the additions is fixed.
// No features, default limits.
// Reference: test/reference/indexing.ts, scatterAdd

struct Sizes {
	outer: u32,
	length: u32,
	count: u32,
	inner: u32,
	splits: u32,
}

override PER_ELEMENT: u32;
override TYPE: u32;
override HAS_X: u32;

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read> source: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<u32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let at = id.y * groups.x * 64u + id.x;
	let lines = sizes.outer * sizes.inner;
	let split = at / lines;
	if (split >= sizes.splits) { return; }
	let line = at % lines;
	let base = line / sizes.inner * sizes.length * sizes.inner + line % sizes.inner;
	let to = split * sizes.outer * sizes.length * sizes.inner + base;
	for (var k = 0u; k < sizes.length; k++) {
		var first = 0u;
		if (HAS_X == 1u && split == 0u) { first = x[base + k * sizes.inner]; }
		out[to + k * sizes.inner] = first;
	}
	let part = (sizes.count + sizes.splits - 1u) / sizes.splits;
	let end = min((split + 1u) * part, sizes.count);
	let firstSource = line / sizes.inner * sizes.count * sizes.inner + line % sizes.inner;
	for (var j = split * part; j < end; j++) {
		let element = firstSource + j * sizes.inner;
		let index = indices[select(j, element, PER_ELEMENT == 1u)];
		if (index >= sizes.length) { continue; }
		let target_ = to + index * sizes.inner;
		if (TYPE == 0u) { out[target_] = bitcast<u32>(bitcast<f32>(out[target_]) + bitcast<f32>(source[element])); }
		else { out[target_] += source[element]; }
	}
}
