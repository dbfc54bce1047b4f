// packed[firstPacked + (g, b, tap, i, j)] = w[firstWeight + (o, i, tap)] for output channel o = width·b + j
// of group g; 0 if the group has no such output or input channel. So for each element of each `Pack`.
//
// w       float32, the weights of all packs; the element of output o of group g, its input i and tap is at
//         firstWeight + g·groupStride + ⌊o / parts⌋·outputStride + o mod parts + i·inputStride + tap
// packs   one for each convolution, in the order of their first workgroups; parts: 1, or the number of taps
//         if each tap is an output channel of its own (gather_taps.blocked.wgsl); length: elements of packed
// packed  float32, [groups, ⌈groupOutputs / width⌉, taps, paddedInputs, width] each
//
// This is how the convolution kernels read weights: `width` neighbouring output channels next to each other,
// for one input channel and tap after the other. One invocation computes ROUNDS elements of packed, 64 apart.
// No features, default limits.
// Reference: test/reference/layout.ts, packWeights

// More than one if it takes long to read a Pack, as on CPU adapters.
override ROUNDS: u32;

struct Pack {
	firstWorkgroup: u32,
	firstWeight: u32,
	firstPacked: u32,
	length: u32,
	groupInputs: u32,
	groupOutputs: u32,
	taps: u32,
	groupStride: u32,
	outputStride: u32,
	inputStride: u32,
	width: u32,
	paddedInputs: u32,
	parts: u32,
}

@group(0) @binding(0) var<storage, read> w: array<f32>;
@group(0) @binding(1) var<storage, read> packs: array<Pack>;
@group(0) @binding(2) var<storage, read_write> packed: array<f32>;

// The last pack whose first workgroup is this one or comes before it.
fn packOf(workgroup: u32) -> Pack {
	var first = 0u;
	for (var count = arrayLength(&packs); count > 1u;) {
		let half = count / 2u;
		if (packs[first + half].firstWorkgroup <= workgroup) {
			first += half;
			count -= half;
		} else {
			count = half;
		}
	}
	return packs[first];
}

@compute @workgroup_size(64)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = group.y * groups.x + group.x;
	let pack = packOf(workgroup);
	let width = pack.width;
	let blocks = (pack.groupOutputs + width - 1u) / width;
	for (var round = 0u; round < ROUNDS; round++) {
		let index = ((workgroup - pack.firstWorkgroup) * ROUNDS + round) * 64u + lane;
		if (index >= pack.length) { return; }
		let i = index / width % pack.paddedInputs;
		let tap = index / (width * pack.paddedInputs) % pack.taps;
		let block = index / (width * pack.paddedInputs * pack.taps);
		let o = block % blocks * width + index % width;
		let inside = o < pack.groupOutputs && i < pack.groupInputs;
		let at = block / blocks * pack.groupStride + o / pack.parts * pack.outputStride + o % pack.parts + i * pack.inputStride + tap;
		packed[pack.firstPacked + index] = select(0.0, w[pack.firstWeight + select(0u, at, inside)], inside);
	}
}
