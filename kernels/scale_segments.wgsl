// y[firstResult + i] = factor · x[firstElement + i] for each i < length of each segment
//
// x         float32, the elements of all segments
// segments  one for each tensor, in the order of their first workgroups
// y         float32, the results of all segments
// factor    float32 [1]
//
// One invocation computes ROUNDS elements, 64 apart. No features, default limits.
// Reference: test/reference/optimizers.ts, clipGradNorm

// More than one if it takes long to read a Segment, as on CPU adapters.
override ROUNDS: u32;

struct Segment {
	firstWorkgroup: u32,
	firstElement: u32,
	firstResult: u32,
	length: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> segments: array<Segment>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read> factor: array<f32>;

// The last segment whose first workgroup is this one or comes before it.
fn segmentOf(workgroup: u32) -> Segment {
	var first = 0u;
	for (var count = arrayLength(&segments); count > 1u;) {
		let half = count / 2u;
		if (segments[first + half].firstWorkgroup <= workgroup) {
			first += half;
			count -= half;
		} else {
			count = half;
		}
	}
	return segments[first];
}

@compute @workgroup_size(64)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = group.y * groups.x + group.x;
	let segment = segmentOf(workgroup);
	for (var round = 0u; round < ROUNDS; round++) {
		let i = ((workgroup - segment.firstWorkgroup) * ROUNDS + round) * 64u + lane;
		if (i >= segment.length) { return; }
		y[segment.firstResult + i] = factor[0] * x[segment.firstElement + i];
	}
}
