// dx[i] = dy[i] · f'(x[i]), elementwise, of the f of unary.wgsl that are not constant in parts and not linear
//
// v         float32: y = f(x) for 3 exp, 5 √x, 7 1/x, 10 tanh and 11 sigmoid; x for the others
// dy        float32 as v
// dx        float32 as v
// settings  a, b: numbers of the operation
//
// All are contiguous or blocked, as vectors of 4. NaN of v gives NaN. One invocation computes one vector.
// No features, default limits.
// Reference: test/reference/unary.ts, unaryBackward

struct Settings { a: f32, b: f32 }

override OPERATION: u32;

@group(0) @binding(0) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> settings: Settings;

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: vec4<f32>) -> vec4<bool> { return (bitcast<vec4<u32>>(x) & vec4(0x7fffffffu)) > vec4(0x7f800000u); }

// sin(x + quarters · π/2). The multiple of π/2 is subtracted in three parts, of which the products with whole
// numbers below 2¹³ are exact (Cody and Waite, 1980). Larger numbers are left to the adapter.
fn sine(x: vec4<f32>, quarters: i32) -> vec4<f32> {
	let multiple = round(x * 0.636619772);
	let rest = ((x - multiple * 1.5703125) - multiple * 4.837512969970703125e-4) - multiple * 7.54978995489188216e-8;
	let square = rest * rest;
	let ofSine = ((-1.9515295891e-4 * square + 8.3321608736e-3) * square - 1.6666654611e-1) * square * rest + rest;
	let quartic = ((2.443315711809948e-5 * square - 1.388731625493765e-3) * square + 4.166664568298827e-2) * square * square;
	let ofCosine = quartic - 0.5 * square + 1.0;
	let quadrant = vec4<i32>(clamp(multiple, vec4(-8192.0), vec4(8192.0))) + vec4(quarters);
	let size = select(ofSine, ofCosine, (quadrant & vec4(1)) == vec4(1));
	let reduced = select(size, -size, (quadrant & vec4(2)) == vec4(2));
	var far = sin(x);
	if (quarters == 1) { far = cos(x); }
	return select(far, reduced, abs(x) < vec4(8192.0));
}

// erfc(x) with a relative error below 1.2e-7 (Press et al., "Numerical recipes", 1992, erfcc).
fn erfc(x: vec4<f32>) -> vec4<f32> {
	let z = abs(x);
	let t = 1.0 / (1.0 + 0.5 * z);
	let p = t * (1.48851587 + t * (-0.82215223 + t * 0.17087277));
	let q = t * (0.09678418 + t * (-0.18628806 + t * (0.27886807 + t * (-1.13520398 + p))));
	let tail = t * exp(-z * z - 1.26551223 + t * (1.00002368 + t * (0.37409196 + q)));
	return select(tail, 2.0 - tail, x < vec4(0.0));
}

// Without overflow for large negative numbers.
fn sigmoid(x: vec4<f32>) -> vec4<f32> {
	let e = exp(-abs(x));
	return select(vec4(1.0), e, x < vec4(0.0)) / (1.0 + e);
}

fn derivativeOf(v: vec4<f32>) -> vec4<f32> {
	switch (OPERATION) {
		case 1u { return sign(v); }
		case 3u { return v; }
		case 4u { return 1.0 / v; }
		case 5u { return 0.5 / v; }
		case 6u { return 2.0 * v; }
		case 7u { return -v * v; }
		case 8u { return sine(v, 1); }
		case 9u { return -sine(v, 0); }
		case 10u { return 1.0 - v * v; }
		case 11u { return v * (1.0 - v); }
		case 12u {
			let s = sigmoid(v);
			return s * (1.0 + v * (1.0 - s));
		}
		// Φ(x) + x · φ(x) of the normal distribution.
		case 13u { return 0.5 * erfc(-0.707106781 * v) + v * 0.398942280 * exp(-0.5 * v * v); }
		case 14u {
			let s = sigmoid(1.59576912 * (v + 0.044715 * v * v * v));
			return s + v * s * (1.0 - s) * 1.59576912 * (1.0 + 0.134145 * v * v);
		}
		case 15u { return select(vec4(settings.a), vec4(1.0), v > vec4(0.0)); }
		case 16u { return select(settings.a * exp(min(v, vec4(0.0))), vec4(1.0), v > vec4(0.0)); }
		case 17u {
			let scaled = settings.a * v;
			return select(sigmoid(scaled), vec4(1.0), scaled > vec4(settings.b));
		}
		default { return select(vec4(0.0), vec4(1.0), (v >= vec4(settings.a)) & (v <= vec4(settings.b))); }
	}
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&dx)) { return; }
	let gradient = dy[i];
	let value = v[i];
	dx[i] = select(gradient * derivativeOf(value), value, isNan(value));
}
