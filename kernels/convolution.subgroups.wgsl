// Convolution and transposed convolution as in convolution.wgsl, for adapters where a subgroup is cheap and workgroup
// memory and barriers are not (lavapipe, SwiftShader).
//
// Bindings and constants as in convolution.wgsl.
//
// A workgroup is one subgroup of SUBGROUP lanes (4 or more). A lane has 4 pixels and 16 output channels of one group; the
// pixels of the lanes are neighbours. For each input channel and tap a lane loads 4 values of x and 4 of the 16 weights,
// which the subgroup then hands round by subgroupBroadcast. Needs the feature subgroups, and a subgroup of just SUBGROUP
// lanes.

enable subgroups;

override SUBGROUP: u32;
override BATCH: u32;
override IN_CHANNELS: u32;
override IN_HEIGHT: u32;
override IN_WIDTH: u32;
override OUT_CHANNELS: u32;
override OUT_HEIGHT: u32;
override OUT_WIDTH: u32;
override KERNEL_HEIGHT: u32;
override KERNEL_WIDTH: u32;
override IN_STEP_Y: u32;
override IN_STEP_X: u32;
override OUT_STEP_Y: u32;
override OUT_STEP_X: u32;
override ORIGIN_Y: i32;
override ORIGIN_X: i32;
override TAP_STEP_Y: i32;
override TAP_STEP_X: i32;
override GROUPS: u32;
override HAS_BIAS: u32;

override GROUP_INPUTS = IN_CHANNELS / GROUPS;
override GROUP_OUTPUTS = OUT_CHANNELS / GROUPS;
override BLOCKS = (GROUP_OUTPUTS + 15u) / 16u;
override TAPS = KERNEL_HEIGHT * KERNEL_WIDTH;
override IN_PLANE = IN_HEIGHT * IN_WIDTH;
override OUT_PLANE = OUT_HEIGHT * OUT_WIDTH;
override PHASE_HEIGHT = (OUT_HEIGHT + OUT_STEP_Y - 1u) / OUT_STEP_Y;
override PHASE_WIDTH = (OUT_WIDTH + OUT_STEP_X - 1u) / OUT_STEP_X;
override PHASE_PIXELS = BATCH * PHASE_HEIGHT * PHASE_WIDTH;
override PHASES = OUT_STEP_Y * OUT_STEP_X;

struct Slice { first: u32, end: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> slice: Slice;

// Stores up to 4 channels of one pixel, the first of them `channel`.
fn store4(at: u32, channel: u32, end: u32, value: vec4<f32>) {
	var sum = value;
	if (HAS_BIAS == 1u) {
		let last = end - 1u;
		sum += vec4(bias[min(channel, last)], bias[min(channel + 1u, last)], bias[min(channel + 2u, last)], bias[min(channel + 3u, last)]);
	}
	if (channel < end) { y[at] = sum.x; }
	if (channel + 1u < end) { y[at + OUT_PLANE] = sum.y; }
	if (channel + 2u < end) { y[at + 2u * OUT_PLANE] = sum.z; }
	if (channel + 3u < end) { y[at + 3u * OUT_PLANE] = sum.w; }
}

fn store(p: u32, phaseY: u32, phaseX: u32, first: u32, end: u32, a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) {
	let oy = p / PHASE_WIDTH % PHASE_HEIGHT * OUT_STEP_Y + phaseY;
	let ox = p % PHASE_WIDTH * OUT_STEP_X + phaseX;
	if (p >= PHASE_PIXELS || oy >= OUT_HEIGHT || ox >= OUT_WIDTH) { return; }
	let base = (p / (PHASE_HEIGHT * PHASE_WIDTH) * OUT_CHANNELS + first) * OUT_PLANE + oy * OUT_WIDTH + ox;
	store4(base, first, end, a);
	if (GROUP_OUTPUTS > 4u) { store4(base + 4u * OUT_PLANE, first + 4u, end, b); }
	if (GROUP_OUTPUTS > 8u) { store4(base + 8u * OUT_PLANE, first + 8u, end, c); }
	if (GROUP_OUTPUTS > 12u) { store4(base + 12u * OUT_PLANE, first + 12u, end, d); }
}

@compute @workgroup_size(SUBGROUP)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = slice.first + group.y * groups.x + group.x;
	if (workgroup >= slice.end) { return; }
	let block = workgroup % (GROUPS * BLOCKS);
	let convGroup = block / BLOCKS;
	let phase = workgroup / (GROUPS * BLOCKS) % PHASES;
	let phaseY = phase / OUT_STEP_X;
	let phaseX = phase % OUT_STEP_X;
	let p = workgroup / (GROUPS * BLOCKS * PHASES) * (4u * SUBGROUP) + vec4(0u, 1u, 2u, 3u) * SUBGROUP + lane;
	let at = min(p, vec4(PHASE_PIXELS - 1u));
	let ty = vec4<i32>(at / PHASE_WIDTH % PHASE_HEIGHT * IN_STEP_Y);
	let tx = vec4<i32>(at % PHASE_WIDTH * IN_STEP_X);
	let image = (at / (PHASE_HEIGHT * PHASE_WIDTH) * IN_CHANNELS + convGroup * GROUP_INPUTS) * IN_PLANE;

	var a0 = vec4(0.0);
	var b0 = a0;
	var c0 = a0;
	var d0 = a0;
	var a1 = a0;
	var b1 = a0;
	var c1 = a0;
	var d1 = a0;
	var a2 = a0;
	var b2 = a0;
	var c2 = a0;
	var d2 = a0;
	var a3 = a0;
	var b3 = a0;
	var c3 = a0;
	var d3 = a0;
	for (var tap = 0u; tap < TAPS; tap++) {
		let reachY = i32(phaseY) + ORIGIN_Y + i32(tap / KERNEL_WIDTH) * TAP_STEP_Y;
		let reachX = i32(phaseX) + ORIGIN_X + i32(tap % KERNEL_WIDTH) * TAP_STEP_X;
		if (reachY % i32(OUT_STEP_Y) != 0 || reachX % i32(OUT_STEP_X) != 0) { continue; }
		let iy = vec4<u32>(ty + reachY / i32(OUT_STEP_Y));
		let ix = vec4<u32>(tx + reachX / i32(OUT_STEP_X));
		let inside = (iy < vec4(IN_HEIGHT)) & (ix < vec4(IN_WIDTH));
		var source = select(vec4(0u), image + iy * IN_WIDTH + ix, inside);
		var row = ((block * TAPS + tap) * GROUP_INPUTS) * 4u + (lane & 3u);
		for (var i = 0u; i < GROUP_INPUTS; i++) {
			let values = select(vec4(0.0), vec4(x[source.x], x[source.y], x[source.z], x[source.w]), inside);
			let weights = w[row];
			let wa = subgroupBroadcast(weights, 0u);
			a0 = fma(wa, values.xxxx, a0);
			a1 = fma(wa, values.yyyy, a1);
			a2 = fma(wa, values.zzzz, a2);
			a3 = fma(wa, values.wwww, a3);
			if (GROUP_OUTPUTS > 4u) {
				let wb = subgroupBroadcast(weights, 1u);
				b0 = fma(wb, values.xxxx, b0);
				b1 = fma(wb, values.yyyy, b1);
				b2 = fma(wb, values.zzzz, b2);
				b3 = fma(wb, values.wwww, b3);
			}
			if (GROUP_OUTPUTS > 8u) {
				let wc = subgroupBroadcast(weights, 2u);
				c0 = fma(wc, values.xxxx, c0);
				c1 = fma(wc, values.yyyy, c1);
				c2 = fma(wc, values.zzzz, c2);
				c3 = fma(wc, values.wwww, c3);
			}
			if (GROUP_OUTPUTS > 12u) {
				let wd = subgroupBroadcast(weights, 3u);
				d0 = fma(wd, values.xxxx, d0);
				d1 = fma(wd, values.yyyy, d1);
				d2 = fma(wd, values.zzzz, d2);
				d3 = fma(wd, values.wwww, d3);
			}
			source += IN_PLANE;
			row += 4u;
		}
	}
	let first = convGroup * GROUP_OUTPUTS + block % BLOCKS * 16u;
	let end = (convGroup + 1u) * GROUP_OUTPUTS;
	store(p.x, phaseY, phaseX, first, end, a0, b0, c0, d0);
	store(p.y, phaseY, phaseX, first, end, a1, b1, c1, d1);
	store(p.z, phaseY, phaseX, first, end, a2, b2, c2, d2);
	store(p.w, phaseY, phaseX, first, end, a3, b3, c3, d3);
}
