// quantized[a, d, b] = codebook[index[a, b], d],  partial[w, l] = Σ (z − quantized)² over those of lane l of workgroup w
//
// The codes of latents and how far they are from them in one pass; kernels/sum.wgsl then adds up the partial sums. An index
// that is not that of a code gives zeros.
// z          float32 [any, DIMENSIONS, INNER]: with INNER 1 [N, DIMENSIONS], with INNER H·W an NCHW tensor
// index      uint32 or int32 [any, INNER]
// codebook   float32 [CODES, DIMENSIONS]
// quantized  float32 as z
// partial    float32 [workgroups, 64]
//
// Each workgroup takes CHUNK consecutive elements, lane l every 64th of them. A tree over the lanes would need barriers,
// with which a CPU adapter takes five times as long to compile and not much less to run.
// No features, default limits.

override CODES: u32;
override DIMENSIONS: u32;
override INNER: u32;
override CHUNK: u32;

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
		let code = index[i / (DIMENSIONS * INNER) * INNER + i % INNER];
		let e = select(0.0, codebook[min(code, CODES - 1u) * DIMENSIONS + i / INNER % DIMENSIONS], code < CODES);
		quantized[i] = e;
		let difference = z[i] - e;
		total = fma(difference, difference, total);
	}
	if (workgroup * 64u < arrayLength(&partial)) { partial[workgroup * 64u + lane] = total; }
}
