// partial[s, o, i, ky, kx] = Σ dy[n, o, oy, ox] · x[n, i, oy·S − P + ky·D, ox·S − P + kx·D] over the pixels
// (n, oy, ox) of split s, and partialBias[s, o] = Σ dy[n, o, oy, ox] over the same;
// sum_splits.wgsl adds the splits
//
// x            float32 [⌈batch / 16⌉, inHeight, inWidth, inChannels, 16], blocked
// dy           float32 [⌈batch / 16⌉, outHeight, outWidth, outChannels, 16], blocked, 0 for images that do
//              not exist
// partial      float32 [splits, outChannels, columns], column i · kernelHeight · kernelWidth + ky ·
//              kernelWidth + kx; their number is rounded up to 4 · SUBGROUP
// partialBias  float32 [splits, outChannels]
// sizes        stride S, padding P, dilation D
// slice        the workgroups of this dispatch
//
// For adapters on which a subgroup is cheap and a load of one word for each lane is expensive (lavapipe,
// SwiftShader). One group. A workgroup is one subgroup of SUBGROUP lanes: 4, or 8 and more. A lane has 4
// neighbouring columns and 16 output channels, for the rows of output pixels of one split. For 4 images of a
// pixel a lane loads the 4 · 4 values of x that its columns read there, the subgroup those of dy of the 16
// channels, which it then broadcasts. The rows of a split depend on the shape alone. Needs the feature
// subgroups, and subgroups of exactly SUBGROUP lanes.
// Reference: test/reference/convolution.ts, conv2dBackward

enable subgroups;

override SUBGROUP: u32;
// Groups of 4 output channels of a workgroup: 4 (16 channels), or 1 if there are at most 4 channels.
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
	strideY: u32,
	strideX: u32,
	paddingY: u32,
	paddingX: u32,
	dilationY: u32,
	dilationX: u32,
	splits: u32,
}

struct Slice { first: u32, end: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> partial: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> partialBias: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;
@group(0) @binding(5) var<uniform> slice: Slice;

fn storeBias(split: u32, o: u32, sum: vec4<f32>) {
	if (o < sizes.outChannels) { partialBias[split * sizes.outChannels + o] = (sum.x + sum.y) + (sum.z + sum.w); }
}

@compute @workgroup_size(SUBGROUP)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = slice.first + group.y * groups.x + group.x;
	if (workgroup >= slice.end) { return; }
	let taps = sizes.kernelHeight * sizes.kernelWidth;
	let columns = sizes.inChannels * taps;
	let columnBlocks = (columns + 4u * SUBGROUP - 1u) / (4u * SUBGROUP);
	let blocks = (sizes.outChannels + 4u * QUARTERS - 1u) / (4u * QUARTERS);
	let inPlane = sizes.inHeight * sizes.inWidth;
	let rows = (sizes.batch + 15u) / 16u * sizes.outHeight;
	let splitRows = (rows + sizes.splits - 1u) / sizes.splits;
	let block = workgroup / columnBlocks % blocks;
	let split = workgroup / (columnBlocks * blocks);
	let columnVector = workgroup % columnBlocks * SUBGROUP + lane;
	let at = min(columnVector * 4u + vec4(0u, 1u, 2u, 3u), vec4(columns - 1u));
	let input = at / taps;
	let tapY = vec4<i32>(at % taps / sizes.kernelWidth * sizes.dilationY) - i32(sizes.paddingY);
	let tapX = vec4<i32>(at % sizes.kernelWidth * sizes.dilationX) - i32(sizes.paddingX);
	// The channels whose dy a lane loads: with 4 lanes one of each quarter, else one of each half.
	let first = block * 4u * QUARTERS;
	let lanesOfRows = select(8u, 4u, SUBGROUP == 4u);
	let channel = min(first + vec4(0u, 1u, 2u, 3u) * lanesOfRows + lane % lanesOfRows, vec4(sizes.outChannels - 1u)) * 4u;

	var a0 = vec4(0.0);
	var a1 = a0;
	var a2 = a0;
	var a3 = a0;
	var a4 = a0;
	var a5 = a0;
	var a6 = a0;
	var a7 = a0;
	var a8 = a0;
	var a9 = a0;
	var a10 = a0;
	var a11 = a0;
	var a12 = a0;
	var a13 = a0;
	var a14 = a0;
	var a15 = a0;
	var bias0 = a0;
	var bias1 = a0;
	var bias2 = a0;
	var bias3 = a0;
	let endRow = min((split + 1u) * splitRows, rows);
	for (var row = split * splitRows; row < endRow; row++) {
		let images = row / sizes.outHeight;
		let iy = vec4<u32>(i32(row % sizes.outHeight * sizes.strideY) + tapY);
		let rowInside = iy < vec4(sizes.inHeight);
		let source = images * inPlane + select(vec4(0u), iy, rowInside) * sizes.inWidth;
		let pixels = row * sizes.outWidth * sizes.outChannels * 4u + channel;
		for (var t = 0u; t < sizes.outWidth * 4u; t++) {
			let ix = vec4<u32>(i32(t / 4u * sizes.strideX) + tapX);
			let inside = rowInside & (ix < vec4(sizes.inWidth));
			let cell = ((source + select(vec4(0u), ix, inside)) * sizes.inChannels + input) * 4u + (t & 3u);
			let pixel = pixels + t / 4u * sizes.outChannels * 4u + (t & 3u);
			let x0 = select(vec4(0.0), x[cell.x], inside.x);
			let x1 = select(vec4(0.0), x[cell.y], inside.y);
			let x2 = select(vec4(0.0), x[cell.z], inside.z);
			let x3 = select(vec4(0.0), x[cell.w], inside.w);
			let ka = vec4(x0.x, x1.x, x2.x, x3.x);
			let kb = vec4(x0.y, x1.y, x2.y, x3.y);
			let kc = vec4(x0.z, x1.z, x2.z, x3.z);
			let kd = vec4(x0.w, x1.w, x2.w, x3.w);
			let g0 = dy[pixel.x];
			bias0 += g0;
			var g1 = g0;
			var g2 = g0;
			var g3 = g0;
			if (QUARTERS > 1u) {
				g1 = dy[pixel.y];
				bias1 += g1;
			}
			if (QUARTERS > 1u && SUBGROUP == 4u) {
				g2 = dy[pixel.z];
				g3 = dy[pixel.w];
				bias2 += g2;
				bias3 += g3;
			}
			let r0 = subgroupBroadcast(g0, 0u);
			a0 = fma(kd, r0.wwww, fma(kc, r0.zzzz, fma(kb, r0.yyyy, fma(ka, r0.xxxx, a0))));
			let r1 = subgroupBroadcast(g0, 1u);
			a1 = fma(kd, r1.wwww, fma(kc, r1.zzzz, fma(kb, r1.yyyy, fma(ka, r1.xxxx, a1))));
			let r2 = subgroupBroadcast(g0, 2u);
			a2 = fma(kd, r2.wwww, fma(kc, r2.zzzz, fma(kb, r2.yyyy, fma(ka, r2.xxxx, a2))));
			let r3 = subgroupBroadcast(g0, 3u);
			a3 = fma(kd, r3.wwww, fma(kc, r3.zzzz, fma(kb, r3.yyyy, fma(ka, r3.xxxx, a3))));
			if (QUARTERS > 1u) {
				var r4: vec4<f32>;
				if (SUBGROUP == 4u) { r4 = subgroupBroadcast(g1, 0u); } else { r4 = subgroupBroadcast(g0, 4u); }
				a4 = fma(kd, r4.wwww, fma(kc, r4.zzzz, fma(kb, r4.yyyy, fma(ka, r4.xxxx, a4))));
				var r5: vec4<f32>;
				if (SUBGROUP == 4u) { r5 = subgroupBroadcast(g1, 1u); } else { r5 = subgroupBroadcast(g0, 5u); }
				a5 = fma(kd, r5.wwww, fma(kc, r5.zzzz, fma(kb, r5.yyyy, fma(ka, r5.xxxx, a5))));
				var r6: vec4<f32>;
				if (SUBGROUP == 4u) { r6 = subgroupBroadcast(g1, 2u); } else { r6 = subgroupBroadcast(g0, 6u); }
				a6 = fma(kd, r6.wwww, fma(kc, r6.zzzz, fma(kb, r6.yyyy, fma(ka, r6.xxxx, a6))));
				var r7: vec4<f32>;
				if (SUBGROUP == 4u) { r7 = subgroupBroadcast(g1, 3u); } else { r7 = subgroupBroadcast(g0, 7u); }
				a7 = fma(kd, r7.wwww, fma(kc, r7.zzzz, fma(kb, r7.yyyy, fma(ka, r7.xxxx, a7))));
				var r8: vec4<f32>;
				if (SUBGROUP == 4u) { r8 = subgroupBroadcast(g2, 0u); } else { r8 = subgroupBroadcast(g1, 0u); }
				a8 = fma(kd, r8.wwww, fma(kc, r8.zzzz, fma(kb, r8.yyyy, fma(ka, r8.xxxx, a8))));
				var r9: vec4<f32>;
				if (SUBGROUP == 4u) { r9 = subgroupBroadcast(g2, 1u); } else { r9 = subgroupBroadcast(g1, 1u); }
				a9 = fma(kd, r9.wwww, fma(kc, r9.zzzz, fma(kb, r9.yyyy, fma(ka, r9.xxxx, a9))));
				var r10: vec4<f32>;
				if (SUBGROUP == 4u) { r10 = subgroupBroadcast(g2, 2u); } else { r10 = subgroupBroadcast(g1, 2u); }
				a10 = fma(kd, r10.wwww, fma(kc, r10.zzzz, fma(kb, r10.yyyy, fma(ka, r10.xxxx, a10))));
				var r11: vec4<f32>;
				if (SUBGROUP == 4u) { r11 = subgroupBroadcast(g2, 3u); } else { r11 = subgroupBroadcast(g1, 3u); }
				a11 = fma(kd, r11.wwww, fma(kc, r11.zzzz, fma(kb, r11.yyyy, fma(ka, r11.xxxx, a11))));
				var r12: vec4<f32>;
				if (SUBGROUP == 4u) { r12 = subgroupBroadcast(g3, 0u); } else { r12 = subgroupBroadcast(g1, 4u); }
				a12 = fma(kd, r12.wwww, fma(kc, r12.zzzz, fma(kb, r12.yyyy, fma(ka, r12.xxxx, a12))));
				var r13: vec4<f32>;
				if (SUBGROUP == 4u) { r13 = subgroupBroadcast(g3, 1u); } else { r13 = subgroupBroadcast(g1, 5u); }
				a13 = fma(kd, r13.wwww, fma(kc, r13.zzzz, fma(kb, r13.yyyy, fma(ka, r13.xxxx, a13))));
				var r14: vec4<f32>;
				if (SUBGROUP == 4u) { r14 = subgroupBroadcast(g3, 2u); } else { r14 = subgroupBroadcast(g1, 6u); }
				a14 = fma(kd, r14.wwww, fma(kc, r14.zzzz, fma(kb, r14.yyyy, fma(ka, r14.xxxx, a14))));
				var r15: vec4<f32>;
				if (SUBGROUP == 4u) { r15 = subgroupBroadcast(g3, 3u); } else { r15 = subgroupBroadcast(g1, 7u); }
				a15 = fma(kd, r15.wwww, fma(kc, r15.zzzz, fma(kb, r15.yyyy, fma(ka, r15.xxxx, a15))));
			}
		}
	}
	let rowVectors = columnBlocks * SUBGROUP;
	let at0 = (split * sizes.outChannels + first) * rowVectors + columnVector;
	let channels = sizes.outChannels - first;
	partial[at0] = a0;
	if (channels > 1u) { partial[at0 + 1u * rowVectors] = a1; }
	if (channels > 2u) { partial[at0 + 2u * rowVectors] = a2; }
	if (channels > 3u) { partial[at0 + 3u * rowVectors] = a3; }
	if (QUARTERS > 1u) {
		if (channels > 4u) { partial[at0 + 4u * rowVectors] = a4; }
		if (channels > 5u) { partial[at0 + 5u * rowVectors] = a5; }
		if (channels > 6u) { partial[at0 + 6u * rowVectors] = a6; }
		if (channels > 7u) { partial[at0 + 7u * rowVectors] = a7; }
		if (channels > 8u) { partial[at0 + 8u * rowVectors] = a8; }
		if (channels > 9u) { partial[at0 + 9u * rowVectors] = a9; }
		if (channels > 10u) { partial[at0 + 10u * rowVectors] = a10; }
		if (channels > 11u) { partial[at0 + 11u * rowVectors] = a11; }
		if (channels > 12u) { partial[at0 + 12u * rowVectors] = a12; }
		if (channels > 13u) { partial[at0 + 13u * rowVectors] = a13; }
		if (channels > 14u) { partial[at0 + 14u * rowVectors] = a14; }
		if (channels > 15u) { partial[at0 + 15u * rowVectors] = a15; }
	}
	if (workgroup % columnBlocks == 0u && lane < lanesOfRows && lane < 4u * QUARTERS) {
		storeBias(split, first + lane, bias0);
		if (QUARTERS > 1u) { storeBias(split, first + lanesOfRows + lane, bias1); }
		if (QUARTERS > 1u && SUBGROUP == 4u) {
			storeBias(split, first + 8u + lane, bias2);
			storeBias(split, first + 12u + lane, bias3);
		}
	}
}
