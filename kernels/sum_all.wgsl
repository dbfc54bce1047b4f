// partial[w, l] = Σ x[i] over the elements of lane l of workgroup w; sum.wgsl then adds the partial sums
//
// x        float32 [n], as vectors of 4
// rest     float32 [n], the same buffer as words, for the last n mod 4
// partial  float32 [workgroups, 64]
//
// A workgroup has CHUNK consecutive vectors, lane l every 64th of them, in two sums. The last elements that
// fill no vector are added by the first lanes of the last workgroup. No features, default limits.
// Reference: test/reference/reductions.ts, sum

override CHUNK: u32;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> rest: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(64)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = group.y * groups.x + group.x;
	let count = arrayLength(&rest);
	let vectors = count / 4u;
	let first = workgroup * CHUNK + lane;
	let end = min((workgroup + 1u) * CHUNK, vectors);
	var even = vec4(0.0);
	var odd = vec4(0.0);
	var i = first;
	for (; i + 64u < end; i += 128u) {
		even += x[i];
		odd += x[i + 64u];
	}
	if (i < end) { even += x[i]; }
	let sums = even + odd;
	var total = (sums.x + sums.y) + (sums.z + sums.w);
	let last = 4u * vectors + lane;
	if ((workgroup + 1u) * CHUNK >= vectors && workgroup * CHUNK < max(vectors, 1u) && last < count) { total += rest[last]; }
	if (workgroup * 64u < arrayLength(&partial)) { partial[workgroup * 64u + lane] = total; }
}
