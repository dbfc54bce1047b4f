// loss[i] = f(a[i], b[i]): |a − b| (OPERATION 0); (a − b)² / (2β) if |a − b| < β, else |a − b| − β/2 (1); the binary
// cross-entropy (1 − b) · a + log(1 + e⁻ᵃ) of the probability sigmoid(a) (2)
//
// a, b      float32, as vectors of 4
// loss      float32, likewise; if CHUNK is not 0 partial sums [workgroups, 64], which sum.wgsl adds
// settings  beta; count: elements
//
// One invocation computes one vector, or the sum of every 64th one of the CHUNK of a workgroup. The last vector may end
// after the last element. No features, default limits.
// Reference: test/reference/losses.ts, pairLoss

struct Settings { beta: f32, count: u32 }

override OPERATION: u32;
override CHUNK: u32 = 0u;

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

// The losses of a vector, NaN if a number is.
fn lossesOf(i: u32) -> vec4<f32> {
	let x = a[i];
	let y = b[i];
	return select(valueOf(x, y), x + y, isNan(x) | isNan(y));
}

@compute @workgroup_size(64)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = group.y * groups.x + group.x;
	let at = workgroup * 64u + lane;
	if (at >= arrayLength(&loss)) { return; }
	if (CHUNK == 0u) {
		loss[at] = lossesOf(at);
		return;
	}
	let vectors = settings.count / 4u;
	let end = min((workgroup + 1u) * CHUNK, vectors);
	var total = vec4(0.0);
	for (var i = workgroup * CHUNK + lane; i < end; i += 64u) { total += lossesOf(i); }
	// The last elements fill no vector.
	let rest = settings.count & 3u;
	if (rest > 0u && lane == 0u && vectors >= workgroup * CHUNK && vectors < (workgroup + 1u) * CHUNK) {
		total += select(vec4(0.0), lossesOf(vectors), vec4(0u, 1u, 2u, 3u) < vec4(rest));
	}
	loss[at] = total;
}
