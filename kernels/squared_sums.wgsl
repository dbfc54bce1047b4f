// partial[firstPartial + w] = Σ x[firstElement + i]² over the w-th 64 · ROUNDS elements i of each segment
//
// x         float32, the elements of all segments
// segments  one for each tensor, in the order of their first workgroups
// partial   float32 [n], the partial sums of all segments
//
// One workgroup computes one partial sum: each invocation that of ROUNDS elements, 64 apart, and then they are
// added in a tree. No features, default limits.
// Reference: test/reference/optimizers.ts, clipGradNorm

override ROUNDS: u32;

struct Segment {
	firstWorkgroup: u32,
	firstElement: u32,
	// Where the binding of the partial sums starts: 0.
	start: u32,
	length: u32,
	firstPartial: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> segments: array<Segment>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;

var<workgroup> sums: array<f32, 64>;

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
	let block = workgroup - segment.firstWorkgroup;
	var sum = 0.0;
	for (var round = 0u; round < ROUNDS; round++) {
		let i = (block * ROUNDS + round) * 64u + lane;
		if (i >= segment.length) { break; }
		let value = x[segment.firstElement + i];
		sum = fma(value, value, sum);
	}
	sums[lane] = sum;
	for (var half = 32u; half > 0u; half /= 2u) {
		workgroupBarrier();
		if (lane < half) { sums[lane] += sums[lane + half]; }
	}
	// Beyond the last one if the grid was folded.
	let at = segment.firstPartial + block;
	if (lane == 0u && block * ROUNDS * 64u < segment.length) { partial[at] = sums[0]; }
}
