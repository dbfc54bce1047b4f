// quantized[d] = round(b(z[d])) / ⌊L/2⌋ with b(z) = h tanh(z + s) − o, h = (L − 1)(1 − ε)/2, o = ½ for even
// L, else 0, s = tan(o/h), ε = 1e-3, L = levels[d];  index = Σ_d (round(b(z[d])) + ⌊L/2⌋) Π_{c<d} levels[c]
//
// z          float32 [any, DIMENSIONS, INNER]: [N, DIMENSIONS] with INNER 1, NCHW with INNER H·W
// levels     uint32 [DIMENSIONS], each at least 2
// quantized  float32 as z
// index      uint32 [any, INNER]
//
// One invocation computes one vector. No features, default limits.
// Source: Mentzer et al., "Finite scalar quantization: VQ-VAE made simple", 2023, appendix A.1, in the form
// of the paper's own code. Another form in use has 1 + ε and s = atanh(o/h); its codes differ.
// Reference: test/reference/quantizers.ts, finiteScalar

override DIMENSIONS: u32;
override INNER: u32;

@group(0) @binding(0) var<storage, read> z: array<f32>;
@group(0) @binding(1) var<storage, read> levels: array<u32>;
@group(0) @binding(2) var<storage, read_write> quantized: array<f32>;
@group(0) @binding(3) var<storage, read_write> index: array<u32>;

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let n = id.y * groups.x * 64u + id.x;
	if (n >= arrayLength(&index)) { return; }
	let first = n / INNER * DIMENSIONS * INNER + n % INNER;
	var code = 0u;
	var basis = 1u;
	for (var d = 0u; d < DIMENSIONS; d++) {
		let level = levels[d];
		let half = f32(level - 1u) * 0.4995;
		let offset = select(0.0, 0.5, level % 2u == 0u);
		// Beyond ±15 tanh is ±1 in float32; on some adapters it overflows there.
		let value = z[first + d * INNER];
		let bounded = tanh(clamp(value + tan(offset / half), -15.0, 15.0)) * half - offset;
		let width = level / 2u;
		// NaN counts as level 0, so that the index is in range; the vector is NaN.
		let level0 = -i32(width);
		let rounded = select(i32(round(bounded)), level0, isNan(value));
		quantized[first + d * INNER] = select(f32(rounded) / f32(width), value, isNan(value));
		code += u32(rounded - level0) * basis;
		basis *= level;
	}
	index[n] = code;
}
