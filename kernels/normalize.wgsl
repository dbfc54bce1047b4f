// y[a, d, b] = x[a, d, b] / max(‖x[a, ·, b]‖, 1e-12), as torch.nn.functional.normalize
//
// x  float32 [any, DIMENSIONS, INNER]: [N, DIMENSIONS] with INNER 1, NCHW with INNER H·W
// y  float32 as x
//
// One invocation computes one vector. No features, default limits.
// Reference: test/reference/vectors.ts, unit

override DIMENSIONS: u32;
override INNER: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let n = id.y * groups.x * 64u + id.x;
	if (n >= arrayLength(&x) / DIMENSIONS) { return; }
	let first = n / INNER * DIMENSIONS * INNER + n % INNER;
	var squares = 0.0;
	for (var d = 0u; d < DIMENSIONS; d++) {
		let value = x[first + d * INNER];
		squares = fma(value, value, squares);
	}
	let length = sqrt(squares);
	let factor = 1.0 / select(max(length, 1e-12), squares, isNan(squares));
	for (var d = 0u; d < DIMENSIONS; d++) { y[first + d * INNER] = factor * x[first + d * INNER]; }
}
