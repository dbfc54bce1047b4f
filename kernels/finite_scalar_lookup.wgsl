// out[d] = (⌊index / Π_{c<d} levels[c]⌋ mod L − ⌊L/2⌋) / ⌊L/2⌋, L = levels[d]: the vector to which
// finite_scalar.wgsl gives the index; 0 if the index is not below the product of the levels
//
// index   uint32 or int32 [any, INNER]
// levels  uint32 [DIMENSIONS]
// out     float32 [any, DIMENSIONS, INNER]
//
// One invocation computes one vector. No features, default limits.
// Source: Mentzer et al., "Finite scalar quantization: VQ-VAE made simple", 2023, appendix A.1.
// Reference: test/reference/quantizers.ts, finiteScalarLookup

override DIMENSIONS: u32;
override INNER: u32;

@group(0) @binding(0) var<storage, read> index: array<u32>;
@group(0) @binding(1) var<storage, read> levels: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let n = id.y * groups.x * 64u + id.x;
	if (n >= arrayLength(&index)) { return; }
	let first = n / INNER * DIMENSIONS * INNER + n % INNER;
	var codes = 1u;
	for (var d = 0u; d < DIMENSIONS; d++) { codes *= levels[d]; }
	var rest = index[n];
	let known = rest < codes;
	for (var d = 0u; d < DIMENSIONS; d++) {
		let level = levels[d];
		let width = f32(level / 2u);
		out[first + d * INNER] = select(0.0, (f32(rest % level) - width) / width, known);
		rest /= level;
	}
}
