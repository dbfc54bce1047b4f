// dx = (dy − y (y·dy)) / ‖x‖ for each vector, with y = x / ‖x‖; dy / 1e-12 if ‖x‖ is smaller than that
//
// x   float32 [any, DIMENSIONS, INNER]
// y   float32 as x, from normalize.wgsl
// dy  float32 as x
// dx  float32 as x
//
// One invocation computes one vector. No features, default limits.
// Reference: test/reference/vectors.ts, unitBackward

override DIMENSIONS: u32;
override INNER: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let n = id.y * groups.x * 64u + id.x;
	if (n >= arrayLength(&x) / DIMENSIONS) { return; }
	let first = n / INNER * DIMENSIONS * INNER + n % INNER;
	var squares = 0.0;
	var along = 0.0;
	for (var d = 0u; d < DIMENSIONS; d++) {
		let at = first + d * INNER;
		squares = fma(x[at], x[at], squares);
		along = fma(y[at], dy[at], along);
	}
	let length = sqrt(squares);
	if (length < 1e-12) { along = 0.0; }
	let factor = 1.0 / select(max(length, 1e-12), squares, isNan(squares));
	for (var d = 0u; d < DIMENSIONS; d++) {
		let at = first + d * INNER;
		dx[at] = factor * fma(-along, y[at], dy[at]);
	}
}
