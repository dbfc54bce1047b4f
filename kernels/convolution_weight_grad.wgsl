// partial[s, o, i, ky, kx] = Σ dy[n, o, oy, ox] · x[n, i, oy·S − P + ky·D, ox·S − P + kx·D] over the pixels
// (n, oy, ox) of split s; sum.wgsl then adds the splits
//
// x        float32 [batch, inChannels, inHeight, inWidth]
// dy       float32 [batch, outChannels, outHeight, outWidth]
// partial  float32 [splits, outChannels, inChannels / groups, kernelHeight, kernelWidth]
// sizes    stride S, padding P, dilation D
// slice    the workgroups of this dispatch
//
// The weight gradient of conv2d, and that of a transposed convolution if x is the gradient of its output and
// dy its input.
//
// A workgroup computes 8 output channels × 4 columns (a column is an (i, ky, kx)) of one group and one
// split. Its 64 invocations have neighbouring pixels, and each sums all 32 products in registers. At the end
// 32 of them add the 64 partial sums of one weight each, in order. The pixels of a split depend on the shape
// alone. No features; 8 KiB of workgroup memory.
// Reference: test/reference/convolution.ts, conv2dBackward

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
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;
@group(0) @binding(4) var<uniform> slice: Slice;

var<workgroup> sums: array<f32, 2048>;

// A column: the first element of its input channel in an image, and the distance of its tap from the
// pixel's first tap.
struct Column { channel: u32, y: i32, x: i32 }

fn column(index: u32, columns: u32, convGroup: u32) -> Column {
	let j = min(index, columns - 1u);
	let taps = sizes.kernelHeight * sizes.kernelWidth;
	let tap = j % taps;
	return Column(
		(convGroup * (sizes.inChannels / sizes.groups) + j / taps) * sizes.inHeight * sizes.inWidth,
		i32(tap / sizes.kernelWidth * sizes.dilationY) - i32(sizes.paddingY),
		i32(tap % sizes.kernelWidth * sizes.dilationX) - i32(sizes.paddingX),
	);
}

fn load(image: u32, at: Column, oy: u32, ox: u32) -> f32 {
	let iy = u32(i32(oy * sizes.strideY) + at.y);
	let ix = u32(i32(ox * sizes.strideX) + at.x);
	let inside = iy < sizes.inHeight && ix < sizes.inWidth; // a negative position wraps to a very large one
	return select(0.0, x[select(0u, image + at.channel + iy * sizes.inWidth + ix, inside)], inside);
}

fn keep(row: u32, lane: u32, sum: vec4<f32>) {
	sums[(row * 4u) * 64u + lane] = sum.x;
	sums[(row * 4u + 1u) * 64u + lane] = sum.y;
	sums[(row * 4u + 2u) * 64u + lane] = sum.z;
	sums[(row * 4u + 3u) * 64u + lane] = sum.w;
}

@compute @workgroup_size(64)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = slice.first + group.y * groups.x + group.x;
	if (workgroup >= slice.end) { return; }
	let groupOutputs = sizes.outChannels / sizes.groups;
	let columns = sizes.inChannels / sizes.groups * sizes.kernelHeight * sizes.kernelWidth;
	let columnBlocks = (columns + 3u) / 4u;
	let rowBlocks = (groupOutputs + 7u) / 8u;
	let plane = sizes.outHeight * sizes.outWidth;
	let pixels = sizes.batch * plane;
	let splitPixels = (pixels + sizes.splits - 1u) / sizes.splits;
	let firstColumn = workgroup % columnBlocks * 4u;
	let rowBlock = workgroup / columnBlocks % (sizes.groups * rowBlocks);
	let convGroup = rowBlock / rowBlocks;
	let firstRow = convGroup * groupOutputs + rowBlock % rowBlocks * 8u;
	let endRow = (convGroup + 1u) * groupOutputs;
	let split = workgroup / (columnBlocks * sizes.groups * rowBlocks);

	let column0 = column(firstColumn, columns, convGroup);
	let column1 = column(firstColumn + 1u, columns, convGroup);
	let column2 = column(firstColumn + 2u, columns, convGroup);
	let column3 = column(firstColumn + 3u, columns, convGroup);
	// The planes of dy that the 8 rows read; rows after the end of the group repeat its last one.
	let row0 = firstRow * plane;
	let row1 = min(firstRow + 1u, endRow - 1u) * plane;
	let row2 = min(firstRow + 2u, endRow - 1u) * plane;
	let row3 = min(firstRow + 3u, endRow - 1u) * plane;
	let row4 = min(firstRow + 4u, endRow - 1u) * plane;
	let row5 = min(firstRow + 5u, endRow - 1u) * plane;
	let row6 = min(firstRow + 6u, endRow - 1u) * plane;
	let row7 = min(firstRow + 7u, endRow - 1u) * plane;

	var sum0 = vec4(0.0);
	var sum1 = vec4(0.0);
	var sum2 = vec4(0.0);
	var sum3 = vec4(0.0);
	var sum4 = vec4(0.0);
	var sum5 = vec4(0.0);
	var sum6 = vec4(0.0);
	var sum7 = vec4(0.0);
	let end = min((split + 1u) * splitPixels, pixels);
	// The pixel (n, oy, ox) of the first iteration, and its step: so the loop has no division.
	let first = split * splitPixels + lane;
	var n = first / plane;
	var oy = first % plane / sizes.outWidth;
	var ox = first % plane % sizes.outWidth;
	let stepN = 64u / plane;
	let stepY = 64u % plane / sizes.outWidth;
	let stepX = 64u % plane % sizes.outWidth;
	for (var p = first; p < end; p += 64u) {
		let image = n * sizes.inChannels * sizes.inHeight * sizes.inWidth;
		let values = vec4(
			load(image, column0, oy, ox),
			load(image, column1, oy, ox),
			load(image, column2, oy, ox),
			load(image, column3, oy, ox),
		);
		let at = n * sizes.outChannels * plane + oy * sizes.outWidth + ox;
		sum0 = fma(vec4(dy[at + row0]), values, sum0);
		sum1 = fma(vec4(dy[at + row1]), values, sum1);
		sum2 = fma(vec4(dy[at + row2]), values, sum2);
		sum3 = fma(vec4(dy[at + row3]), values, sum3);
		if (groupOutputs > 4u) {
			sum4 = fma(vec4(dy[at + row4]), values, sum4);
			sum5 = fma(vec4(dy[at + row5]), values, sum5);
			sum6 = fma(vec4(dy[at + row6]), values, sum6);
			sum7 = fma(vec4(dy[at + row7]), values, sum7);
		}
		n += stepN;
		oy += stepY;
		ox += stepX;
		if (ox >= sizes.outWidth) {
			ox -= sizes.outWidth;
			oy++;
		}
		if (oy >= sizes.outHeight) {
			oy -= sizes.outHeight;
			n++;
		}
	}
	keep(0u, lane, sum0);
	keep(1u, lane, sum1);
	keep(2u, lane, sum2);
	keep(3u, lane, sum3);
	keep(4u, lane, sum4);
	keep(5u, lane, sum5);
	keep(6u, lane, sum6);
	keep(7u, lane, sum7);
	workgroupBarrier();

	let row = firstRow + lane / 4u;
	let columnIndex = firstColumn + lane % 4u;
	if (lane >= 32u || row >= endRow || columnIndex >= columns) { return; }
	var total = 0.0;
	for (var l = 0u; l < 64u; l++) { total += sums[lane * 64u + l]; }
	partial[(split * sizes.outChannels + row) * columns + columnIndex] = total;
}
