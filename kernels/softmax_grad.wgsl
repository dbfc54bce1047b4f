// dx = y · (dy − Σ dy·y) along one axis for the softmax y, or with LOG 1 dx = dy − exp(y) · Σ dy for the
// log-softmax y
//
// y   float32 [any, LENGTH, INNER], the softmax is over the middle axis
// dy  float32 as y
// dx  float32 as y
//
// A workgroup has ROWS × LANES invocations (64): ROWS neighbouring rows, each computed by LANES invocations.
// No features, default limits.
// Reference: test/reference/softmax.ts, softmaxBackward
// Reference: test/reference/softmax.ts, logSoftmaxBackward

override LENGTH: u32;
override INNER: u32;
override LOG: u32;
override ROWS: u32;
override LANES: u32;

@group(0) @binding(0) var<storage, read> y: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

var<workgroup> sums: array<f32, 64>;

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

// exp(x), and NaN for NaN: on some adapters exp(NaN) is infinity.
fn expOrNan(x: f32) -> f32 { return select(exp(x), x, isNan(x)); }

@compute @workgroup_size(ROWS, LANES)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_id) local: vec3<u32>,
) {
	let row = (group.y * groups.x + group.x) * ROWS + local.x;
	let inside = row < arrayLength(&y) / LENGTH;
	let base = row / INNER * LENGTH * INNER + row % INNER;
	let end = select(0u, LENGTH, inside);

	var total = 0.0;
	for (var i = local.y; i < end; i += LANES) {
		let at = base + i * INNER;
		if (LOG == 1u) { total += dy[at]; } else { total = fma(dy[at], y[at], total); }
	}
	if (LANES > 1u) {
		sums[local.y * ROWS + local.x] = total;
		for (var half = LANES / 2u; half > 0u; half /= 2u) {
			workgroupBarrier();
			if (local.y < half) { sums[local.y * ROWS + local.x] += sums[(local.y + half) * ROWS + local.x]; }
		}
		workgroupBarrier();
		total = sums[local.x];
	}

	for (var i = local.y; i < end; i += LANES) {
		let at = base + i * INNER;
		if (LOG == 1u) { dx[at] = fma(-expOrNan(y[at]), total, dy[at]); }
		else { dx[at] = y[at] * (dy[at] - total); }
	}
}
