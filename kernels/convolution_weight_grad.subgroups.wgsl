// The weight gradient of a convolution as in convolution_weight_grad.wgsl, for adapters where a subgroup is cheap and
// workgroup memory and barriers are not (lavapipe, SwiftShader).
//
// x        float32 [batch, inChannels, inHeight, inWidth]
// dy       float32 [groups, ⌈outChannels / groups / 16⌉, batch · outHeight · outWidth, 16], from pack_channels.wgsl
// partial  float32 [splits, outChannels, inChannels / groups, kernelHeight, kernelWidth]
//
// A workgroup is one subgroup of SUBGROUP lanes (4 or more). A lane has 4 columns (a column is an (i, ky, kx)) and 16
// output channels of one group, for the rows of output pixels of one split. For each pixel a lane loads the 4 values of x
// that its columns meet there and 4 of the 16 gradients, which the subgroup then hands round by subgroupBroadcast. The
// rows of a split depend on the shape alone. Needs the feature subgroups, and a subgroup of just SUBGROUP lanes.

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
	strideY: u32,
	strideX: u32,
	paddingY: u32,
	paddingX: u32,
	dilationY: u32,
	dilationX: u32,
	splits: u32,
}

struct Slice { first: u32, end: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;
@group(0) @binding(4) var<uniform> slice: Slice;

fn store4(at: u32, columns: u32, o: u32, end: u32, sum: vec4<f32>) {
	if (o < end) { partial[at] = sum.x; }
	if (o + 1u < end) { partial[at + columns] = sum.y; }
	if (o + 2u < end) { partial[at + 2u * columns] = sum.z; }
	if (o + 3u < end) { partial[at + 3u * columns] = sum.w; }
}

fn store(split: u32, columns: u32, column: u32, o: u32, end: u32, a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) {
	if (column >= columns) { return; }
	let at = (split * sizes.outChannels + o) * columns + column;
	store4(at, columns, o, end, a);
	if (QUARTERS > 1u) { store4(at + 4u * columns, columns, o + 4u, end, b); }
	if (QUARTERS > 2u) { store4(at + 8u * columns, columns, o + 8u, end, c); }
	if (QUARTERS > 3u) { store4(at + 12u * columns, columns, o + 12u, end, d); }
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
	let taps = sizes.kernelHeight * sizes.kernelWidth;
	let columns = groupInputs * taps;
	let columnBlocks = (columns + 4u * SUBGROUP - 1u) / (4u * SUBGROUP);
	let blocks = (groupOutputs + 15u) / 16u;
	let inPlane = sizes.inHeight * sizes.inWidth;
	let rows = sizes.batch * sizes.outHeight;
	let splitRows = (rows + sizes.splits - 1u) / sizes.splits;
	let block = workgroup / columnBlocks % (sizes.groups * blocks);
	let convGroup = block / blocks;
	let split = workgroup / (columnBlocks * sizes.groups * blocks);
	let column = workgroup % columnBlocks * (4u * SUBGROUP) + vec4(0u, 1u, 2u, 3u) * SUBGROUP + lane;
	let at = min(column, vec4(columns - 1u));
	let plane = (convGroup * groupInputs + at / taps) * inPlane;
	let tapY = vec4<i32>(at % taps / sizes.kernelWidth * sizes.dilationY) - i32(sizes.paddingY);
	let tapX = vec4<i32>(at % sizes.kernelWidth * sizes.dilationX) - i32(sizes.paddingX);

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
	let endRow = min((split + 1u) * splitRows, rows);
	for (var row = split * splitRows; row < endRow; row++) {
		let iy = vec4<u32>(i32(row % sizes.outHeight * sizes.strideY) + tapY);
		let rowInside = iy < vec4(sizes.inHeight);
		let source = row / sizes.outHeight * sizes.inChannels * inPlane + plane + select(vec4(0u), iy, rowInside) * sizes.inWidth;
		var ix = vec4<u32>(tapX);
		var pixel = (block * rows + row) * sizes.outWidth * 4u + (lane & 3u);
		for (var ox = 0u; ox < sizes.outWidth; ox++) {
			let inside = rowInside & (ix < vec4(sizes.inWidth));
			let cell = source + select(vec4(0u), ix, inside);
			let values = select(vec4(0.0), vec4(x[cell.x], x[cell.y], x[cell.z], x[cell.w]), inside);
			let gradients = dy[pixel];
			let ga = subgroupBroadcast(gradients, 0u);
			a0 = fma(ga, values.xxxx, a0);
			a1 = fma(ga, values.yyyy, a1);
			a2 = fma(ga, values.zzzz, a2);
			a3 = fma(ga, values.wwww, a3);
			if (QUARTERS > 1u) {
				let gb = subgroupBroadcast(gradients, 1u);
				b0 = fma(gb, values.xxxx, b0);
				b1 = fma(gb, values.yyyy, b1);
				b2 = fma(gb, values.zzzz, b2);
				b3 = fma(gb, values.wwww, b3);
			}
			if (QUARTERS > 2u) {
				let gc = subgroupBroadcast(gradients, 2u);
				c0 = fma(gc, values.xxxx, c0);
				c1 = fma(gc, values.yyyy, c1);
				c2 = fma(gc, values.zzzz, c2);
				c3 = fma(gc, values.wwww, c3);
			}
			if (QUARTERS > 3u) {
				let gd = subgroupBroadcast(gradients, 3u);
				d0 = fma(gd, values.xxxx, d0);
				d1 = fma(gd, values.yyyy, d1);
				d2 = fma(gd, values.zzzz, d2);
				d3 = fma(gd, values.wwww, d3);
			}
			ix += sizes.strideX;
			pixel += 4u;
		}
	}
	let first = convGroup * groupOutputs + block % blocks * 16u;
	let end = (convGroup + 1u) * groupOutputs;
	store(split, columns, column.x, first, end, a0, b0, c0, d0);
	store(split, columns, column.y, first, end, a1, b1, c1, d1);
	store(split, columns, column.z, first, end, a2, b2, c2, d2);
	store(split, columns, column.w, first, end, a3, b3, c3, d3);
}
