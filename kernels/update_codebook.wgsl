// e[k] ← m[k] / Ñ[k] with Ñ[k] = (N[k] + ε) / (ΣN + Kε) · ΣN; if N[k] < threshold = deadBelow · ΣN / K: e[k]
// ← a random row of z, N[k] ← threshold, m[k] ← threshold · e[k]
//
// z             float32 [rows / INNER, DIMENSIONS, INNER]
// totalSize     float32 [1], ΣN
// clusterSize   float32 [codes], N
// embeddingSum  float32 [codes, DIMENSIONS], m
// codebook      float32 [codes, DIMENSIONS], e; rows of unit length with UNIT_LENGTH 1
// draw          uint32 [2]: seed and step
// settings      deadBelow, epsilon
//
// The codebook from its moving averages, with Laplace smoothing. Codes that are hardly used are
// re-initialised from a latent of this step, and their averages are set too: otherwise the next step would
// move the code back. Which row is a hash of seed, step and k. With AVERAGED 0 the codebook is trained by
// its gradient, and only dead codes are set.
//
// One invocation computes one code. No features, default limits.
// Source: van den Oord et al., "Neural discrete representation learning", 2017, appendix A.1; Dhariwal et
// al., "Jukebox", 2020, section 3.1; PCG of Jarzynski & Olano, "Hash functions for GPU rendering", 2020.
// Reference: test/reference/quantizers.ts, AveragedCodebook

override DIMENSIONS: u32;
override INNER: u32;
override AVERAGED: u32 = 1;
override UNIT_LENGTH: u32 = 0;

struct Settings {
	deadBelow: f32,
	epsilon: f32,
}

@group(0) @binding(0) var<storage, read> z: array<f32>;
@group(0) @binding(1) var<storage, read> totalSize: array<f32>;
@group(0) @binding(2) var<storage, read_write> clusterSize: array<f32>;
@group(0) @binding(3) var<storage, read_write> embeddingSum: array<f32>;
@group(0) @binding(4) var<storage, read_write> codebook: array<f32>;
@group(0) @binding(5) var<storage, read> draw: array<u32>;
@group(0) @binding(6) var<uniform> settings: Settings;

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

fn hash(value: u32) -> u32 {
	let state = value * 747796405u + 2891336453u;
	let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
	return (word >> 22u) ^ word;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let k = id.y * groups.x * 64u + id.x;
	let codes = arrayLength(&clusterSize);
	if (k >= codes) { return; }
	let row = k * DIMENSIONS;
	let size = clusterSize[k];
	let total = totalSize[0];
	let threshold = settings.deadBelow * total / f32(codes);
	if (size < threshold) {
		let n = hash(hash(hash(draw[0]) ^ draw[1]) ^ k) % (arrayLength(&z) / DIMENSIONS);
		let first = n / INNER * DIMENSIONS * INNER + n % INNER;
		for (var d = 0u; d < DIMENSIONS; d++) {
			let value = z[first + d * INNER];
			codebook[row + d] = value;
			embeddingSum[row + d] = threshold * value;
		}
		clusterSize[k] = threshold;
		return;
	}
	if (AVERAGED == 0u) { return; }
	let smoothed = (size + settings.epsilon) / (total + f32(codes) * settings.epsilon) * total;
	var factor = 1.0 / smoothed;
	if (UNIT_LENGTH == 1u) {
		var squares = 0.0;
		for (var d = 0u; d < DIMENSIONS; d++) { squares = fma(embeddingSum[row + d], embeddingSum[row + d], squares); }
		factor = 1.0 / select(max(sqrt(squares), 1e-12), squares, isNan(squares));
	}
	for (var d = 0u; d < DIMENSIONS; d++) { codebook[row + d] = factor * embeddingSum[row + d]; }
}
