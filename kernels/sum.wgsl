// out[s, k1, k2] = factor · Σ x[r1, k1, r2, k2] over the (r1, r2) of split s, added in an order that only the shape
// decides.
//
// x    float32 [R1, K1, R2, K2], of which the R axes are summed
// out  float32 [SPLITS, K1, K2]; where SPLITS > 1 a second launch sums the splits, as [1, 1, SPLITS, K1·K2]
//
// A workgroup has OUTPUTS × LANES invocations (64): OUTPUTS neighbouring outputs of one split, each summed by LANES
// invocations, lane l taking every LANES-th summand, and then a tree over the lanes in workgroup memory. With OUTPUTS 64
// neighbours read neighbouring words (K2 large), with LANES 64 the summands themselves lie side by side.
// No features, default limits.

struct Scalars { factor: f32 }

override R1: u32;
override K1: u32;
override R2: u32;
override K2: u32;
override SPLITS: u32;
override OUTPUTS: u32;
override LANES: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> scalars: Scalars;

var<workgroup> partial: array<f32, 64>;

@compute @workgroup_size(OUTPUTS, LANES)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_id) local: vec3<u32>,
) {
	let blocks = (K1 * K2 + OUTPUTS - 1u) / OUTPUTS;
	let workgroup = group.y * groups.x + group.x;
	let split = workgroup / blocks;
	let k = (workgroup % blocks) * OUTPUTS + local.x;
	let inside = split < SPLITS && k < K1 * K2;

	let count = R1 * R2;
	let length = (count + SPLITS - 1u) / SPLITS;
	let end = min((split + 1u) * length, count);
	var total = 0.0;
	if (inside) {
		let base = (k / K2) * R2 * K2 + k % K2;
		for (var r = split * length + local.y; r < end; r += LANES) {
			total += x[base + (r / R2) * K1 * R2 * K2 + (r % R2) * K2];
		}
	}
	if (LANES > 1u) {
		partial[local.y * OUTPUTS + local.x] = total;
		for (var half = LANES / 2u; half > 0u; half /= 2u) {
			workgroupBarrier();
			if (local.y < half) { partial[local.y * OUTPUTS + local.x] += partial[(local.y + half) * OUTPUTS + local.x]; }
		}
		total = partial[local.x];
	}
	if (inside && local.y == 0u) { out[split * K1 * K2 + k] = scalars.factor * total; }
}
