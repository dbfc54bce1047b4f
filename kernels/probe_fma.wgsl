// out = ROUNDS × 16 independent fma on vec4 in each invocation, ROUNDS · 128 floating-point operations in
// registers: measures how fast the adapter multiplies and adds
//
// out  float32 [invocations], so that the compiler cannot remove the work
//
// No features, default limits.
// Reference: none; it measures the adapter

override ROUNDS: u32;

@group(0) @binding(0) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&out)) { return; }
	let x = vec4(1.0 / (1.0 + f32(i)));
	let y = vec4(0.999);
	var a = x;
	var b = x + 1.0;
	var c = x + 2.0;
	var d = x + 3.0;
	var e = x + 4.0;
	var f = x + 5.0;
	var g = x + 6.0;
	var h = x + 7.0;
	for (var round = 0u; round < ROUNDS; round++) {
		a = fma(a, y, x);
		b = fma(b, y, x);
		c = fma(c, y, x);
		d = fma(d, y, x);
		e = fma(e, y, x);
		f = fma(f, y, x);
		g = fma(g, y, x);
		h = fma(h, y, x);
		a = fma(a, y, x);
		b = fma(b, y, x);
		c = fma(c, y, x);
		d = fma(d, y, x);
		e = fma(e, y, x);
		f = fma(f, y, x);
		g = fma(g, y, x);
		h = fma(h, y, x);
	}
	let sum = a + b + c + d + e + f + g + h;
	out[i] = sum.x + sum.y + sum.z + sum.w;
}
