// out[o, c, j, i] = offsets[o, c − 1, i] + Σ x[o, c, k, i] over k ≤ j, in this order; with REVERSE 1 from the end:
// offsets[o, c + 1, i] + Σ over k ≥ j
//
// x        float32 (TYPE 0), int32 or uint32 (1) [outer, length, inner], the axis in chunks of `chunk`, of which the
//          last one may be shorter
// offsets  the same dtype [outer, chunks, inner]: the cumulative sums of the chunks; not read if there is one chunk
// out      the same dtype as x; with SUMS 1 the sums of the chunks [outer, chunks, inner]
// sizes    the lengths of the axes
//
// One invocation adds up one chunk. No features, default limits.
// Reference: test/reference/reductions.ts, cumsum

struct Sizes {
	outer: u32,
	length: u32,
	inner: u32,
	chunk: u32,
	chunks: u32,
}

override TYPE: u32;
override REVERSE: u32;
override SUMS: u32;

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> offsets: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

fn plus(a: u32, b: u32) -> u32 {
	if (TYPE == 0u) { return bitcast<u32>(bitcast<f32>(a) + bitcast<f32>(b)); }
	return a + b;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let at = id.y * groups.x * 64u + id.x;
	if (at >= sizes.outer * sizes.chunks * sizes.inner) { return; }
	let i = at % sizes.inner;
	let row = at / sizes.inner;
	let chunk = row % sizes.chunks;
	let base = row / sizes.chunks * sizes.length * sizes.inner + i;
	let first = chunk * sizes.chunk;
	let end = min(first + sizes.chunk, sizes.length);
	var total = 0u;
	if (SUMS == 0u && REVERSE == 0u && chunk > 0u) { total = offsets[at - sizes.inner]; }
	if (SUMS == 0u && REVERSE == 1u && chunk + 1u < sizes.chunks) { total = offsets[at + sizes.inner]; }
	for (var j = first; j < end; j++) {
		let element = base + select(j, first + end - 1u - j, REVERSE == 1u) * sizes.inner;
		total = plus(total, x[element]);
		if (SUMS == 0u) { out[element] = total; }
	}
	if (SUMS == 1u) { out[at] = total; }
}
