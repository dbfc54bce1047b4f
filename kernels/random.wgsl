// out[i] = a random number: uniform in [0, 1) (NORMAL 0), or of the normal distribution N(0, 1) (NORMAL 1)
//
// key        uint32 [2], what the numbers depend on besides their positions
// quantiles  int32 [864, 2], of a normal variable in units of 2⁻²⁰, at the start and the end of each interval of
//            probabilities; see src/tensor/normal_quantiles.ts
// out        float32, as vectors of 4
//
// A hash of key and position gives 32 bits. A uniform number has 24 of them. For a normal one, one bit is
// the sign, and 31 are the probability p · 2³² of a larger number. p is in one of 32 intervals of an octave, in
// which the quantile is interpolated. All is integer arithmetic, and the conversion to float32 is exact, so
// every adapter computes the same bits. One invocation computes one vector. No features, default limits.
// Source: Jarzynski & Olano, "Hash functions for GPU rendering", 2020 (pcg4d).
// Reference: test/reference/random.ts, random

override NORMAL: u32;

@group(0) @binding(0) var<storage, read> key: array<u32>;
@group(0) @binding(1) var<storage, read> quantiles: array<i32>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;

fn pcg4d(seed: vec4<u32>) -> vec4<u32> {
	var v = seed * 1664525u + 1013904223u;
	v.x += v.y * v.w;
	v.y += v.z * v.x;
	v.z += v.x * v.y;
	v.w += v.y * v.z;
	v ^= v >> vec4(16u);
	v.x += v.y * v.w;
	v.y += v.z * v.x;
	v.z += v.x * v.y;
	v.w += v.y * v.z;
	return v;
}

// The quantile, with the sign of the highest bit.
fn normalOf(bits: u32) -> f32 {
	let p = bits & 0x7fffffffu;
	var interval = 832u + p;
	var position = 0u;
	if (p >= 32u) {
		let octave = firstLeadingBit(p);
		let shift = octave - 5u;
		interval = (30u - octave) * 32u + (p >> shift) - 32u;
		let rest = p & ((1u << shift) - 1u);
		position = select(rest << (16u - min(shift, 16u)), rest >> (max(shift, 16u) - 16u), shift > 16u);
	}
	let begin = quantiles[2u * interval];
	let end = quantiles[2u * interval + 1u];
	let size = f32(begin + (((end - begin) * i32(position)) >> 16u));
	return select(size, -size, bits > 0x7fffffffu) * 0x1p-20f;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let vector = id.y * groups.x * 64u + id.x;
	if (vector >= arrayLength(&out)) { return; }
	let bits = pcg4d(vec4(key[0], key[1], vector, 0u));
	if (NORMAL == 0u) { out[vector] = vec4<f32>(bits >> vec4(8u)) * 0x1p-24f; }
	else { out[vector] = vec4(normalOf(bits.x), normalOf(bits.y), normalOf(bits.z), normalOf(bits.w)); }
}
