// dz = (‖q‖/‖z‖) · [g − 2 w (w·g) + 2 ẑ (q̂·g)],  ẑ = z/‖z‖, q̂ = q/‖q‖, w = (ẑ + q̂)/‖ẑ + q̂‖
//
// z   float32 [any, DIMENSIONS, INNER]: [N, DIMENSIONS] with INNER 1, NCHW with INNER H·W
// q   float32 as z
// g   float32 as z, the gradient of q
// dz  float32 as z
//
// The gradient of q̃ = (‖q‖/‖z‖) R z, with R the rotation that takes ẑ to q̂; R and the factor are held
// constant, so g is multiplied by Rᵀ. R is I − 2wwᵀ + 2q̂ẑᵀ. If z or q has length 0, or ẑ = −q̂, there is no
// such rotation: then dz is g, as with the straight-through estimator. One invocation computes one vector.
// No features, default limits.
// Source: Fifty et al., "Restructuring vector quantization with the rotation trick", 2024, section 4.
// Reference: test/reference/quantizers.ts, rotatedBack

override DIMENSIONS: u32;
override INNER: u32;

@group(0) @binding(0) var<storage, read> z: array<f32>;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read_write> dz: array<f32>;

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let n = id.y * groups.x * 64u + id.x;
	if (n >= arrayLength(&z) / DIMENSIONS) { return; }
	let first = n / INNER * DIMENSIONS * INNER + n % INNER;
	var zz = 0.0;
	var qq = 0.0;
	var zq = 0.0;
	var zg = 0.0;
	var qg = 0.0;
	for (var d = 0u; d < DIMENSIONS; d++) {
		let at = first + d * INNER;
		zz = fma(z[at], z[at], zz);
		qq = fma(q[at], q[at], qq);
		zq = fma(z[at], q[at], zq);
		zg = fma(z[at], g[at], zg);
		qg = fma(q[at], g[at], qg);
	}
	let inverseZ = 1.0 / sqrt(max(zz, 1e-30));
	let inverseQ = 1.0 / sqrt(max(qq, 1e-30));
	// ‖ẑ + q̂‖² = 2 + 2 ẑ·q̂
	let both = 2.0 + 2.0 * zq * inverseZ * inverseQ;
	let turned = zz > 1e-30 && qq > 1e-30 && both > 1e-6;
	let scale = select(1.0, sqrt(qq) * inverseZ, turned);
	// w (w·g) = (ẑ + q̂) ((ẑ + q̂)·g) / ‖ẑ + q̂‖²
	let away = select(0.0, 2.0 * (zg * inverseZ + qg * inverseQ) / max(both, 1e-6), turned);
	let along = select(0.0, 2.0 * qg * inverseQ, turned);
	for (var d = 0u; d < DIMENSIONS; d++) {
		let at = first + d * INNER;
		let zHat = z[at] * inverseZ;
		dz[at] = select(scale * (g[at] - away * (zHat + q[at] * inverseQ) + along * zHat), zq, isNan(zq));
	}
}
