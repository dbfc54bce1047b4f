// moments[0, k] = the mean and moments[1, k] = Σ (x − mean)² of each row, from the partial sums of norm.wgsl
//
// x        float32 [r1, k1, r2, k2]; only the first element of each row is read
// partial  float32 [parts, 2, k1 · k2]
// moments  float32 [2, k1 · k2]
// sizes    parts; r2, k2; count: elements of a row
//
// One invocation computes one row. No features, default limits.
// Reference: test/reference/norms.ts, moments

struct Sizes {
	parts: u32,
	r2: u32,
	k2: u32,
	count: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> partial: array<f32>;
@group(0) @binding(2) var<storage, read_write> moments: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

// The number, or 0 if rounding has made it negative; NaN stays NaN.
fn notNegative(x: f32) -> f32 {
	let isNan = (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
	return select(max(x, 0.0), x, isNan);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let k = id.y * groups.x * 64u + id.x;
	let rows = arrayLength(&moments) / 2u;
	if (k >= rows) { return; }
	var sum = 0.0;
	var squares = 0.0;
	for (var part = 0u; part < sizes.parts; part++) {
		sum += partial[2u * part * rows + k];
		squares += partial[(2u * part + 1u) * rows + k];
	}
	moments[k] = x[k / sizes.k2 * sizes.r2 * sizes.k2 + k % sizes.k2] + sum / sizes.count;
	moments[rows + k] = notNegative(squares - sum / sizes.count * sum);
}
