// y[a, d, b] = x[a, d, b] / max(‖x[a, ·, b]‖, 1e-12)
//
// Vectors brought to unit length, as torch.nn.functional.normalize.
// x, y  float32 [any, DIMENSIONS, INNER]: with INNER 1 [N, DIMENSIONS], with INNER H·W an NCHW tensor
// One invocation a vector. No features, default limits.

override DIMENSIONS: u32;
override INNER: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

// By bits, since compilers may assume that no value is NaN.
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
