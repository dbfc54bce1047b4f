// quantized[a, d, b] = codebook[index[a, b], d],  partial[w] = Σ (z − quantized)² over the elements of workgroup w
//
// The codes of latents and how far they are from them in one pass; kernels/sum.wgsl then adds up the partial sums. An index
// that is not that of a code gives zeros.
// z          float32 [any, DIMENSIONS, INNER]: with INNER 1 [N, DIMENSIONS], with INNER H·W an NCHW tensor
// index      uint32 or int32 [any, INNER]
// codebook   float32 [CODES, DIMENSIONS]
// quantized  float32 as z
// partial    float32 [workgroups]
//
// Each workgroup takes CHUNK consecutive elements: lane l every 64th of them, then a tree in workgroup memory.
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

var<workgroup> sums: array<f32, 64>;

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
	sums[lane] = total;
	for (var half = 32u; half > 0u; half /= 2u) {
		workgroupBarrier();
		if (lane < half) { sums[lane] += sums[lane + half]; }
	}
	if (lane == 0u && workgroup < arrayLength(&partial)) { partial[workgroup] = sums[0]; }
}
