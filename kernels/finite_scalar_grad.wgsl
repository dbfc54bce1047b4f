// dz = g · h (1 − tanh²(z + s)) / ⌊L/2⌋, the gradient of finite_scalar.wgsl's quantized, with rounding taken
// as the identity
//
// z       float32 [any, DIMENSIONS, INNER]
// levels  uint32 [DIMENSIONS]; h and s as in finite_scalar.wgsl
// g       float32 as z, the gradient of quantized
// dz      float32 as z
//
// One invocation computes one element. No features, default limits.
// Source: Mentzer et al., "Finite scalar quantization: VQ-VAE made simple", 2023, appendix A.1.
// Reference: test/reference/quantizers.ts, finiteScalarBackward

override DIMENSIONS: u32;
override INNER: u32;

@group(0) @binding(0) var<storage, read> z: array<f32>;
@group(0) @binding(1) var<storage, read> levels: array<u32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read_write> dz: array<f32>;

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&z)) { return; }
	let level = levels[i / INNER % DIMENSIONS];
	let half = f32(level - 1u) * 0.4995;
	let offset = select(0.0, 0.5, level % 2u == 0u);
	let t = tanh(clamp(z[i] + tan(offset / half), -15.0, 15.0));
	dz[i] = select(g[i] * half * (1.0 - t * t) / f32(level / 2u), z[i], isNan(z[i]));
}
