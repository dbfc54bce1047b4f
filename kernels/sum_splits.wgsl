// y[firstSum + i] = Σ_s x[firstPart + s · stride + i / columns · rowLength + i % columns] for s < splits, for
// each i < sums of each segment
//
// x         float32, the partial sums of all segments: [splits, rows, rowLength] each, of which the first
//           `columns` of a row are used
// segments  one for each tensor of sums, in the order of their first workgroups
// y         float32, the sums of all segments: [rows, columns] each
//
// One invocation computes ROUNDS sums, 64 apart. The segments are several gradients of one layer, or in a
// captured step those of all layers. No features, default limits.
// Reference: test/reference/convolution.ts, conv2dBackward

// More than one if it takes long to read a Segment, as on CPU adapters.
override ROUNDS: u32;

struct Segment {
	firstWorkgroup: u32,
	firstPart: u32,
	firstSum: u32,
	sums: u32,
	splits: u32,
	stride: u32,
	columns: u32,
	rowLength: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> segments: array<Segment>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

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
		if (i >= segment.sums) { return; }
		let first = segment.firstPart + i / segment.columns * segment.rowLength + i % segment.columns;
		var sum = 0.0;
		for (var s = 0u; s < segment.splits; s++) { sum += x[first + s * segment.stride]; }
		y[segment.firstSum + i] = sum;
	}
}
