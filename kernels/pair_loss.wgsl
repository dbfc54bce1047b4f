// loss[i] = f(a[i], b[i]): |a − b| (OPERATION 0); (a − b)² / (2β) if |a − b| < β, else |a − b| − β/2 (1); the binary
// cross-entropy (1 − b) · a + log(1 + e⁻ᵃ) of the probability sigmoid(a) (2)
//
// a, b      float32, as vectors of 4
// loss      float32, likewise
// settings  beta
//
// One invocation computes one vector. The last one may end after the last element. No features, default limits.
// Reference: test/reference/losses.ts, pairLoss

struct Settings { beta: f32 }

override OPERATION: u32;

@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> loss: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> settings: Settings;

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: vec4<f32>) -> vec4<bool> { return (bitcast<vec4<u32>>(x) & vec4(0x7fffffffu)) > vec4(0x7f800000u); }

// log(1 + x) for x of at least 0; by a series where 1 + x loses digits.
fn logOnePlus(x: vec4<f32>) -> vec4<f32> {
	let s = x / (2.0 + x);
	let square = s * s;
	let series = 2.0 * s * (1.0 + square * (0.333333333 + square * (0.2 + square * 0.142857143)));
	return select(log(1.0 + x), series, x < vec4(0.25));
}

fn valueOf(x: vec4<f32>, y: vec4<f32>) -> vec4<f32> {
	let difference = x - y;
	let size = abs(difference);
	if (OPERATION == 0u) { return size; }
	if (OPERATION == 1u) {
		let near = 0.5 * difference * difference / settings.beta;
		return select(size - 0.5 * settings.beta, near, size < vec4(settings.beta));
	}
	return max(x, vec4(0.0)) - x * y + logOnePlus(exp(-abs(x)));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&loss)) { return; }
	let sum = a[i] + b[i];
	loss[i] = select(valueOf(a[i], b[i]), sum, isNan(sum) & (isNan(a[i]) | isNan(b[i])));
}
