// norm = √Σᵢ partial[i];  factor = min(1, maxNorm / (norm + 10⁻⁶)), NaN if the norm is
//
// partial  float32 [n], the partial sums of the squares of all gradients (squared_sums.wgsl)
// norm     float32 [1]
// factor   float32 [1]
// maxNorm  the largest norm
//
// One workgroup: each invocation adds up every 64th partial sum, and then they are added in a tree. No
// features, default limits.
// Source: torch.nn.utils.clip_grad_norm_
// Reference: test/reference/optimizers.ts, clipGradNorm

@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> norm: array<f32>;
@group(0) @binding(2) var<storage, read_write> factor: array<f32>;
@group(0) @binding(3) var<uniform> maxNorm: f32;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
	var sum = 0.0;
	for (var i = lane; i < arrayLength(&partial); i += 64u) { sum += partial[i]; }
	sums[lane] = sum;
	for (var half = 32u; half > 0u; half /= 2u) {
		workgroupBarrier();
		if (lane < half) { sums[lane] += sums[lane + half]; }
	}
	if (lane > 0u) { return; }
	let whole = sqrt(sums[0]);
	norm[0] = whole;
	let ratio = maxNorm / (whole + 1e-6);
	// NaN by its bits, because compilers may assume that no value is NaN.
	let isNumber = (bitcast<u32>(ratio) & 0x7fffffffu) <= 0x7f800000u;
	factor[0] = select(ratio, 1.0, isNumber && ratio > 1.0);
}
