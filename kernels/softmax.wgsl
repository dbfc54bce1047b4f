// y = exp(x − max) / Σ exp(x − max) along one axis, or with LOG 1 its logarithm x − max − log Σ exp(x − max)
//
// x        float32 [any, LENGTH, INNER], the softmax is over the middle axis
// xQuads   the same buffer as vectors of 4; read if WIDTH is 4
// y        float32 as x
//
// A workgroup has ROWS × LANES invocations (64): ROWS neighbouring rows, each computed by LANES invocations,
// which combine their maxima and sums through workgroup memory. With ROWS 64 neighbours read neighbouring
// words (INNER is large), with LANES 64 the elements of a row are neighbours. With WIDTH 4 and LANES 1
// an invocation reads its row by vectors, for adapters on which barriers are expensive: INNER is 1, and 4
// divides LENGTH. No features, default limits.
// Reference: test/reference/softmax.ts, softmax
// Reference: test/reference/softmax.ts, logSoftmax

override LENGTH: u32;
override INNER: u32;
override LOG: u32;
override ROWS: u32;
override LANES: u32;
override WIDTH: u32 = 1u;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> xQuads: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

var<workgroup> shared_: array<f32, 64>;

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

// exp(x), and NaN for NaN: on some adapters exp(NaN) is infinity.
fn expOrNan(x: f32) -> f32 { return select(exp(x), x, isNan(x)); }

fn exponentials(x: vec4<f32>) -> vec4<f32> {
	let isNan = (bitcast<vec4<u32>>(x) & vec4(0x7fffffffu)) > vec4(0x7f800000u);
	return select(exp(x), x, isNan);
}

// A row that starts at an element, by vectors.
fn wholeRow(base: u32) {
	var maxima = vec4(-3.4e38);
	for (var i = 0u; i < LENGTH / 4u; i++) { maxima = max(maxima, xQuads[base / 4u + i]); }
	let largest = max(max(maxima.x, maxima.y), max(maxima.z, maxima.w));
	var sums = vec4(0.0);
	for (var i = 0u; i < LENGTH / 4u; i++) { sums += exponentials(xQuads[base / 4u + i] - vec4(largest)); }
	let total = (sums.x + sums.y) + (sums.z + sums.w);
	let logTotal = log(total);
	for (var i = 0u; i < LENGTH / 4u; i++) {
		let centred = xQuads[base / 4u + i] - vec4(largest);
		var values = centred - vec4(logTotal);
		// As below.
		if (LOG == 0u || !(total > 0.0)) { values = exponentials(centred) / total; }
		y[base + 4u * i] = values.x;
		y[base + 4u * i + 1u] = values.y;
		y[base + 4u * i + 2u] = values.z;
		y[base + 4u * i + 3u] = values.w;
	}
}

@compute @workgroup_size(ROWS, LANES)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_id) local: vec3<u32>,
) {
	let row = (group.y * groups.x + group.x) * ROWS + local.x;
	let rows = arrayLength(&x) / LENGTH;
	let inside = row < rows;
	let base = row / INNER * LENGTH * INNER + row % INNER;
	let end = select(0u, LENGTH, inside);

	if (WIDTH == 4u) {
		if (inside) { wholeRow(row * LENGTH); }
		return;
	}
	var largest = -3.4e38;
	for (var i = local.y; i < end; i += LANES) { largest = max(largest, x[base + i * INNER]); }
	if (LANES > 1u) {
		shared_[local.y * ROWS + local.x] = largest;
		for (var half = LANES / 2u; half > 0u; half /= 2u) {
			workgroupBarrier();
			if (local.y < half) {
				shared_[local.y * ROWS + local.x] = max(shared_[local.y * ROWS + local.x], shared_[(local.y + half) * ROWS + local.x]);
			}
		}
		workgroupBarrier();
		largest = shared_[local.x];
		workgroupBarrier();
	}

	var total = 0.0;
	for (var i = local.y; i < end; i += LANES) { total += expOrNan(x[base + i * INNER] - largest); }
	if (LANES > 1u) {
		shared_[local.y * ROWS + local.x] = total;
		for (var half = LANES / 2u; half > 0u; half /= 2u) {
			workgroupBarrier();
			if (local.y < half) { shared_[local.y * ROWS + local.x] += shared_[(local.y + half) * ROWS + local.x]; }
		}
		workgroupBarrier();
		total = shared_[local.x];
	}

	let logTotal = log(total);
	for (var i = local.y; i < end; i += LANES) {
		let centred = x[base + i * INNER] - largest;
		// A row with NaN, or of −∞ alone, is NaN: its total is NaN or 0, whose logarithm is finite on some
		// adapters.
		if (LOG == 1u && total > 0.0) { y[base + i * INNER] = centred - logTotal; }
		else { y[base + i * INNER] = expOrNan(centred) / total; }
	}
}
