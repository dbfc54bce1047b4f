// perplexity = exp(−Σ p ln p) with p[k] = counts[k] / Σ counts; 0 if nothing was counted
//
// counts      uint32 [K]
// perplexity  float32 [1]
//
// One workgroup: lane l reads every 64th count, once for the total and once for the entropy. No features,
// default limits.
// Reference: test/reference/codes.ts, perplexity

@group(0) @binding(0) var<storage, read> counts: array<u32>;
@group(0) @binding(1) var<storage, read_write> perplexity: array<f32>;

var<workgroup> totals: array<u32, 64>;
var<workgroup> entropies: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
	var own = 0u;
	for (var k = lane; k < arrayLength(&counts); k += 64u) { own += counts[k]; }
	totals[lane] = own;
	workgroupBarrier();
	var total = 0u;
	for (var i = 0u; i < 64u; i++) { total += totals[i]; }
	var entropy = 0.0;
	for (var k = lane; k < arrayLength(&counts); k += 64u) {
		let p = f32(counts[k]) / f32(max(total, 1u));
		if (p > 0.0) { entropy -= p * log(p); }
	}
	entropies[lane] = entropy;
	workgroupBarrier();
	if (lane > 0u) { return; }
	var sum = 0.0;
	for (var i = 0u; i < 64u; i++) { sum += entropies[i]; }
	perplexity[0] = select(0.0, exp(sum), total > 0u);
}
