// partial[w] = Σ (a[i] − b[i])² over the elements of workgroup w; kernels/sum.wgsl then adds up the partial sums.
//
// a, b     float32, the same shape
// partial  float32 [workgroups]
//
// Each workgroup takes CHUNK consecutive elements: lane l every 64th of them, then a tree in workgroup memory.
// No features, default limits.

override CHUNK: u32;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = group.y * groups.x + group.x;
	let end = min((workgroup + 1u) * CHUNK, arrayLength(&a));
	var total = 0.0;
	for (var i = workgroup * CHUNK + lane; i < end; i += 64u) {
		let difference = a[i] - b[i];
		total = fma(difference, difference, total);
	}
	sums[lane] = total;
	for (var half = 32u; half > 0u; half /= 2u) {
		workgroupBarrier();
		if (lane < half) { sums[lane] += sums[lane + half]; }
	}
	if (lane == 0u && workgroup < arrayLength(&partial)) { partial[workgroup] = sums[0]; }
}
