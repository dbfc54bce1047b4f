// counts[index[n]] ← counts[index[n]] + 1 for every n; an index that no code has is not counted
//
// index   uint32 or int32 [N]
// counts  uint32 [K]
//
// One invocation counts one index. The additions are atomic, of integers, so their order does not matter. No
// features, default limits.
// Reference: test/reference/codes.ts, countCodes

@group(0) @binding(0) var<storage, read> index: array<u32>;
@group(0) @binding(1) var<storage, read_write> counts: array<atomic<u32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let n = id.y * groups.x * 64u + id.x;
	if (n >= arrayLength(&index)) { return; }
	let code = index[n];
	if (code < arrayLength(&counts)) { atomicAdd(&counts[code], 1u); }
}
