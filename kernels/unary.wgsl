// y[i] = f(x[i]), elementwise. OPERATION: 0 −x, 1 |x|, 2 sign, 3 exp, 4 log, 5 √x, 6 x², 7 1/x, 8 sin, 9 cos,
// 10 tanh, 11 sigmoid, 12 SiLU, 13 GELU, 14 GELU by tanh, 15 leaky ReLU with slope a, 16 ELU with α a,
// 17 softplus with β a, the identity where βx > b, 18 x limited to [a, b], 19 floor, 20 round, half to even
//
// x         float32, contiguous or blocked, as vectors of 4
// y         float32 as x
// settings  a, b: numbers of the operation
//
// Sine, hyperbolic tangent and GELU are computed here, because WGSL allows larger errors of its own. NaN in,
// NaN out. One invocation computes one vector. No features, default limits.
// Reference: test/reference/unary.ts, unary

struct Settings { a: f32, b: f32 }

override OPERATION: u32;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> settings: Settings;

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: vec4<f32>) -> vec4<bool> { return (bitcast<vec4<u32>>(x) & vec4(0x7fffffffu)) > vec4(0x7f800000u); }

// A NaN that the compiler cannot compute beforehand.
fn notANumber(x: vec4<f32>) -> vec4<f32> { return bitcast<vec4<f32>>(bitcast<vec4<u32>>(x) | vec4(0x7fc00000u)); }

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

// log(1 + x) for x of at least 0; by a series where 1 + x loses digits.
fn logOnePlus(x: vec4<f32>) -> vec4<f32> {
	let s = x / (2.0 + x);
	let square = s * s;
	let series = 2.0 * s * (1.0 + square * (0.333333333 + square * (0.2 + square * 0.142857143)));
	return select(log(1.0 + x), series, x < vec4(0.25));
}

// By its series near 0, where 1 − 2 / (e²ˣ + 1) cancels.
fn hyperbolicTangent(x: vec4<f32>) -> vec4<f32> {
	let square = x * x;
	let series = x * (1.0 + square * (-0.333333333 + square * (0.133333333 + square * (-0.0539682540 + square * 0.0218694885))));
	let e = exp(-2.0 * abs(x));
	let far = sign(x) * (1.0 - e) / (1.0 + e);
	return select(far, series, abs(x) < vec4(0.25));
}

fn valueOf(x: vec4<f32>) -> vec4<f32> {
	switch (OPERATION) {
		case 0u { return -x; }
		case 1u { return abs(x); }
		case 2u { return sign(x); }
		case 3u { return exp(x); }
		case 4u {
			// −∞ of 0 by a division: on some adapters log(0) is finite.
			let ofZero = select(log(x), -1.0 / abs(x), x == vec4(0.0));
			return select(ofZero, notANumber(x), x < vec4(0.0));
		}
		case 5u { return select(sqrt(x), notANumber(x), x < vec4(0.0)); }
		case 6u { return x * x; }
		case 7u { return 1.0 / x; }
		case 8u { return sine(x, 0); }
		case 9u { return sine(x, 1); }
		case 10u { return hyperbolicTangent(x); }
		case 11u { return sigmoid(x); }
		case 12u { return x * sigmoid(x); }
		case 13u { return 0.5 * x * erfc(-0.707106781 * x); }
		case 14u { return x * sigmoid(1.59576912 * (x + 0.044715 * x * x * x)); }
		case 15u { return select(x, settings.a * x, x < vec4(0.0)); }
		case 16u {
			let series = x * (1.0 + x * (0.5 + x * (0.166666667 + x * 0.0416666667)));
			let below = settings.a * select(exp(min(x, vec4(0.0))) - 1.0, series, x > vec4(-0.1));
			return select(x, below, x < vec4(0.0));
		}
		case 17u {
			let scaled = settings.a * x;
			let curve = (max(scaled, vec4(0.0)) + logOnePlus(exp(-abs(scaled)))) / settings.a;
			return select(curve, x, scaled > vec4(settings.b));
		}
		case 18u { return clamp(x, vec4(settings.a), vec4(settings.b)); }
		case 19u { return floor(x); }
		default { return round(x); }
	}
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let i = id.y * groups.x * 64u + id.x;
	if (i >= arrayLength(&y)) { return; }
	let value = x[i];
	y[i] = select(valueOf(value), value, isNan(value));
}
