// partial[w, l] = Σ (a[i] − b[i])² over the elements of lane l of workgroup w; sum.wgsl then adds the
// partial sums
//
// a        float32 [n]
// b        float32 [n]
// partial  float32 [workgroups, 64]
//
// A workgroup has CHUNK consecutive elements, lane l every 64th of them. A tree over the lanes would need
// barriers, with which a CPU adapter takes five times as long to compile and not much less to run. No
// features, default limits.
// Reference: test/reference/losses.ts, mseLoss

override CHUNK: u32;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;

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
	if (workgroup * 64u < arrayLength(&partial)) { partial[workgroup * 64u + lane] = total; }
}
