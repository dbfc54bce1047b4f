// quantized[a, d, b] = codebook[index[a, b], d] (0 if no code has the index),  partial[w, l] = Σ (z −
// quantized)² over the elements of lane l of workgroup w; sum.wgsl then adds the partial sums
//
// z          float32 [any, DIMENSIONS, INNER]: [N, DIMENSIONS] with INNER 1, NCHW with INNER H·W; with
//            BLOCKED [⌈any / 16⌉, INNER, DIMENSIONS, 16]
// index      uint32 or int32 [any, INNER]
// codebook   float32 [CODES, DIMENSIONS]
// quantized  float32 as z
// partial    float32 [workgroups, 64]
//
// A workgroup has CHUNK consecutive elements, lane l every 64th of them. A tree over the lanes would need
// barriers, with which a CPU adapter takes five times as long to compile and not much less to run. No
// features, default limits.
// Reference: test/reference/embedding.ts, embedding
// Reference: test/reference/losses.ts, mseLoss

override CODES: u32;
override DIMENSIONS: u32;
override INNER: u32;
override CHUNK: u32;
override BLOCKED: bool;

@group(0) @binding(0) var<storage, read> z: array<f32>;
@group(0) @binding(1) var<storage, read> index: array<u32>;
@group(0) @binding(2) var<storage, read> codebook: array<f32>;
@group(0) @binding(3) var<storage, read_write> quantized: array<f32>;
@group(0) @binding(4) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(64)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = group.y * groups.x + group.x;
	let end = min((workgroup + 1u) * CHUNK, arrayLength(&z));
	var total = 0.0;
	for (var i = workgroup * CHUNK + lane; i < end; i += 64u) {
		var row = i / (DIMENSIONS * INNER) * INNER + i % INNER;
		var d = i / INNER % DIMENSIONS;
		if (BLOCKED) {
			row = (i / (16u * DIMENSIONS * INNER) * 16u + i % 16u) * INNER + i / (16u * DIMENSIONS) % INNER;
			d = i / 16u % DIMENSIONS;
		}
		let code = index[min(row, arrayLength(&index) - 1u)];
		var e = select(0.0, codebook[min(code, CODES - 1u) * DIMENSIONS + d], code < CODES);
		// Images that fill up the last block keep z: they have no loss and no gradient.
		if (row >= arrayLength(&index)) { e = z[i]; }
		quantized[i] = e;
		let difference = z[i] - e;
		total = fma(difference, difference, total);
	}
	if (workgroup * 64u < arrayLength(&partial)) { partial[workgroup * 64u + lane] = total; }
}
