// out[s, l, k1, k2] = the lowest r with the largest (LARGEST 1) or smallest x[k1, r, k2], of every LANES-th r of split
// s, from the l-th on; with CANDIDATES 1 of the candidates of an earlier launch
//
// x           float32 (TYPE 0), int32 (1) or uint32 (2) [k1, length, k2]
// candidates  uint32 [count, k1, k2], values of r; read if CANDIDATES is 1
// out         uint32 [splits, lanes, k1, k2]; lanes is 1 if TREE is 1
// sizes       the lengths of the axes; count: how many r, or candidates, there are for a result; splits
//
// LANES neighbouring invocations compute one result. If TREE is 1 they combine theirs in workgroup memory, which is
// fast on GPUs. A NaN counts as larger and smaller than all numbers, as in PyTorch. No features, default limits.
// Reference: test/reference/reductions.ts, argReduce

struct Sizes {
	k1: u32,
	length: u32,
	k2: u32,
	count: u32,
	splits: u32,
}

override LARGEST: u32;
override TYPE: u32;
override LANES: u32;
override TREE: u32;
override CANDIDATES: u32;

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> candidates: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

// A key that is larger for the better element, and its r; 0 and the largest number if there is none.
var<workgroup> keys: array<u32, 64>;
var<workgroup> positions: array<u32, 64>;

// The bits as an unsigned number with the order of the elements; at least 1.
fn keyOf(bits: u32) -> u32 {
	var key = bits;
	if (TYPE == 0u) {
		let isNan = (bits & 0x7fffffffu) > 0x7f800000u;
		if (isNan) { return 0xffffffffu; }
		// −0 equals 0.
		let number = select(bits, 0u, bits == 0x80000000u);
		key = select(number | 0x80000000u, ~number, (number & 0x80000000u) != 0u);
	} else if (TYPE == 1u) { key = bits ^ 0x80000000u; }
	return select(~key, key, LARGEST == 1u);
}

@compute @workgroup_size(64)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) local: u32,
) {
	let lane = local % LANES;
	let index = (group.y * groups.x + group.x) * (64u / LANES) + local / LANES;
	let results = sizes.k1 * sizes.k2;
	let split = index / results;
	let k = index % results;
	let inside = split < sizes.splits;
	let part = (sizes.count + sizes.splits - 1u) / sizes.splits;
	let end = select(0u, min((split + 1u) * part, sizes.count), inside);
	let base = k / sizes.k2 * sizes.length * sizes.k2 + k % sizes.k2;

	var best = 0u;
	var position = 0xffffffffu;
	for (var i = split * part + lane; i < end; i += LANES) {
		var r = i;
		if (CANDIDATES == 1u) { r = candidates[i * results + k]; }
		if (r >= sizes.length) { continue; }
		let key = keyOf(x[base + r * sizes.k2]);
		if (key > best || position == 0xffffffffu || (key == best && r < position)) {
			best = key;
			position = r;
		}
	}
	if (TREE == 1u) {
		keys[local] = best;
		positions[local] = position;
		for (var half = LANES / 2u; half > 0u; half /= 2u) {
			workgroupBarrier();
			if (lane < half) {
				let key = keys[local + half];
				let other = positions[local + half];
				// No position is the largest number, so what has one precedes.
				let isBetter = positions[local] == 0xffffffffu || key > keys[local] || (key == keys[local] && other < positions[local]);
				if (other != 0xffffffffu && isBetter) {
					keys[local] = key;
					positions[local] = other;
				}
			}
		}
		position = positions[local];
	}
	if (!inside || (TREE == 1u && lane > 0u)) { return; }
	out[select(split * LANES + lane, split, TREE == 1u) * results + k] = position;
}
