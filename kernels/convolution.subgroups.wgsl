// Convolution and transposed convolution as in convolution.wgsl, for adapters where a subgroup is cheap and workgroup
// memory and barriers are not (lavapipe, SwiftShader).
//
// Bindings and sizes as in convolution.wgsl.
//
// A workgroup is one subgroup of SUBGROUP lanes (4 or more). A lane has 4 pixels and 16 output channels of one group; the
// pixels of the lanes are neighbours. For each input channel and tap a lane loads 4 values of x and 4 of the 16 weights,
// which the subgroup then hands round by subgroupBroadcast. Needs the feature subgroups, and a subgroup of just SUBGROUP
// lanes.

enable subgroups;

override SUBGROUP: u32;
// Groups of 4 output channels a workgroup has: 4 (16 channels), or 1 where there are no more than 4 channels a group.
override QUARTERS: u32;

struct Sizes {
	batch: u32,
	inChannels: u32,
	inHeight: u32,
	inWidth: u32,
	outChannels: u32,
	outHeight: u32,
	outWidth: u32,
	kernelHeight: u32,
	kernelWidth: u32,
	groups: u32,
	hasBias: u32,
	inStepY: u32,
	inStepX: u32,
	outStepY: u32,
	outStepX: u32,
	originY: i32,
	originX: i32,
	tapStepY: i32,
	tapStepX: i32,
	activation: u32,
}

struct Slice { first: u32, end: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> mask: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;
@group(0) @binding(6) var<uniform> slice: Slice;

fn store1(at: u32, sum: f32) {
	var result = sum;
	if (sizes.activation == 1u) { result = max(sum, 0.0); }
	if (sizes.activation == 2u) { result = select(0.0, sum, mask[at] > 0.0); }
	y[at] = result;
}

// Stores up to 4 channels of one pixel, the first of them `channel`.
fn store4(at: u32, channel: u32, end: u32, value: vec4<f32>) {
	let plane = sizes.outHeight * sizes.outWidth;
	var sum = value;
	if (sizes.hasBias == 1u) {
		let last = end - 1u;
		sum += vec4(bias[min(channel, last)], bias[min(channel + 1u, last)], bias[min(channel + 2u, last)], bias[min(channel + 3u, last)]);
	}
	if (channel < end) { store1(at, sum.x); }
	if (channel + 1u < end) { store1(at + plane, sum.y); }
	if (channel + 2u < end) { store1(at + 2u * plane, sum.z); }
	if (channel + 3u < end) { store1(at + 3u * plane, sum.w); }
}

fn store(p: u32, phaseY: u32, phaseX: u32, first: u32, end: u32, a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) {
	let phaseWidth = (sizes.outWidth + sizes.outStepX - 1u) / sizes.outStepX;
	let phasePlane = (sizes.outHeight + sizes.outStepY - 1u) / sizes.outStepY * phaseWidth;
	let plane = sizes.outHeight * sizes.outWidth;
	let within = p % phasePlane;
	let oy = within / phaseWidth * sizes.outStepY + phaseY;
	let ox = within % phaseWidth * sizes.outStepX + phaseX;
	if (p >= sizes.batch * phasePlane || oy >= sizes.outHeight || ox >= sizes.outWidth) { return; }
	let base = (p / phasePlane * sizes.outChannels + first) * plane + oy * sizes.outWidth + ox;
	store4(base, first, end, a);
	if (QUARTERS > 1u) { store4(base + 4u * plane, first + 4u, end, b); }
	if (QUARTERS > 2u) { store4(base + 8u * plane, first + 8u, end, c); }
	if (QUARTERS > 3u) { store4(base + 12u * plane, first + 12u, end, d); }
}

@compute @workgroup_size(SUBGROUP)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = slice.first + group.y * groups.x + group.x;
	if (workgroup >= slice.end) { return; }
	let groupInputs = sizes.inChannels / sizes.groups;
	let groupOutputs = sizes.outChannels / sizes.groups;
	let blocks = (groupOutputs + 15u) / 16u;
	let phases = sizes.outStepY * sizes.outStepX;
	let phaseWidth = (sizes.outWidth + sizes.outStepX - 1u) / sizes.outStepX;
	let phasePlane = (sizes.outHeight + sizes.outStepY - 1u) / sizes.outStepY * phaseWidth;
	let inPlane = sizes.inHeight * sizes.inWidth;
	let block = workgroup % (sizes.groups * blocks);
	let convGroup = block / blocks;
	let phase = workgroup / (sizes.groups * blocks) % phases;
	let phaseY = phase / sizes.outStepX;
	let phaseX = phase % sizes.outStepX;
	let p = workgroup / (sizes.groups * blocks * phases) * (4u * SUBGROUP) + vec4(0u, 1u, 2u, 3u) * SUBGROUP + lane;
	let at = min(p, vec4(sizes.batch * phasePlane - 1u));
	let ty = vec4<i32>(at % phasePlane / phaseWidth * sizes.inStepY);
	let tx = vec4<i32>(at % phasePlane % phaseWidth * sizes.inStepX);
	let image = (at / phasePlane * sizes.inChannels + convGroup * groupInputs) * inPlane;

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
	for (var ky = 0u; ky < sizes.kernelHeight; ky++) {
		let reachY = i32(phaseY) + sizes.originY + i32(ky) * sizes.tapStepY;
		if (reachY % i32(sizes.outStepY) != 0) { continue; }
		let iy = vec4<u32>(ty + reachY / i32(sizes.outStepY));
		let rowInside = iy < vec4(sizes.inHeight);
		for (var kx = 0u; kx < sizes.kernelWidth; kx++) {
			let reachX = i32(phaseX) + sizes.originX + i32(kx) * sizes.tapStepX;
			if (reachX % i32(sizes.outStepX) != 0) { continue; }
			let ix = vec4<u32>(tx + reachX / i32(sizes.outStepX));
			let inside = rowInside & (ix < vec4(sizes.inWidth));
			var source = select(vec4(0u), image + iy * sizes.inWidth + ix, inside);
			var row = (((block * sizes.kernelHeight + ky) * sizes.kernelWidth + kx) * groupInputs) * 4u + (lane & 3u);
			for (var i = 0u; i < groupInputs; i++) {
				let values = select(vec4(0.0), vec4(x[source.x], x[source.y], x[source.z], x[source.w]), inside);
				let weights = w[row];
				let wa = subgroupBroadcast(weights, 0u);
				a0 = fma(wa, values.xxxx, a0);
				a1 = fma(wa, values.yyyy, a1);
				a2 = fma(wa, values.zzzz, a2);
				a3 = fma(wa, values.wwww, a3);
				if (QUARTERS > 1u) {
					let wb = subgroupBroadcast(weights, 1u);
					b0 = fma(wb, values.xxxx, b0);
					b1 = fma(wb, values.yyyy, b1);
					b2 = fma(wb, values.zzzz, b2);
					b3 = fma(wb, values.wwww, b3);
				}
				if (QUARTERS > 2u) {
					let wc = subgroupBroadcast(weights, 2u);
					c0 = fma(wc, values.xxxx, c0);
					c1 = fma(wc, values.yyyy, c1);
					c2 = fma(wc, values.zzzz, c2);
					c3 = fma(wc, values.wwww, c3);
				}
				if (QUARTERS > 3u) {
					let wd = subgroupBroadcast(weights, 3u);
					d0 = fma(wd, values.xxxx, d0);
					d1 = fma(wd, values.yyyy, d1);
					d2 = fma(wd, values.zzzz, d2);
					d3 = fma(wd, values.wwww, d3);
				}
				source += inPlane;
				row += 4u;
			}
		}
	}
	let first = convGroup * groupOutputs + block % blocks * 16u;
	let end = (convGroup + 1u) * groupOutputs;
	store(p.x, phaseY, phaseX, first, end, a0, b0, c0, d0);
	store(p.y, phaseY, phaseX, first, end, a1, b1, c1, d1);
	store(p.z, phaseY, phaseX, first, end, a2, b2, c2, d2);
	store(p.w, phaseY, phaseX, first, end, a3, b3, c3, d3);
}
