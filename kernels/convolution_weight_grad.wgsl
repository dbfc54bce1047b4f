// partial[s, o, i, ky, kx] = Σ dy[n, o, oy, ox] · x[n, i, oy·S − P + ky·D, ox·S − P + kx·D] over the pixels (n, oy, ox)
// of split s; kernels/sum.wgsl then adds the splits.
//
// The weight gradient of conv2d. It is also that of a transposed convolution, with the roles exchanged: x is then the
// gradient of the transposed convolution's output, dy its input.
// x        float32 [BATCH, IN_CHANNELS, IN_HEIGHT, IN_WIDTH]
// dy       float32 [BATCH, OUT_CHANNELS, OUT_HEIGHT, OUT_WIDTH]
// partial  float32 [SPLITS, OUT_CHANNELS, IN_CHANNELS / GROUPS, KERNEL_HEIGHT, KERNEL_WIDTH]
//
// A workgroup has 8 output channels × 4 columns (a column is an (i, ky, kx)) of one group and one split. Its 64
// invocations take neighbouring pixels, each summing all 32 products in registers; at the end 32 of them add up the 64
// partial sums of one weight each, in order. The pixels of a split depend on the shape alone.
// No features; 8 KiB of workgroup memory.

override BATCH: u32;
override IN_CHANNELS: u32;
override IN_HEIGHT: u32;
override IN_WIDTH: u32;
override OUT_CHANNELS: u32;
override OUT_HEIGHT: u32;
override OUT_WIDTH: u32;
override KERNEL_HEIGHT: u32;
override KERNEL_WIDTH: u32;
override STRIDE_Y: u32;
override STRIDE_X: u32;
override PADDING_Y: u32;
override PADDING_X: u32;
override DILATION_Y: u32;
override DILATION_X: u32;
override GROUPS: u32;
override SPLITS: u32;

override GROUP_INPUTS = IN_CHANNELS / GROUPS;
override GROUP_OUTPUTS = OUT_CHANNELS / GROUPS;
override COLUMNS = GROUP_INPUTS * KERNEL_HEIGHT * KERNEL_WIDTH;
override ROW_BLOCKS = (GROUP_OUTPUTS + 7u) / 8u;
override COLUMN_BLOCKS = (COLUMNS + 3u) / 4u;
override OUT_PLANE = OUT_HEIGHT * OUT_WIDTH;
override IN_PLANE = IN_HEIGHT * IN_WIDTH;
override PIXELS = BATCH * OUT_PLANE;
override SPLIT_PIXELS = (PIXELS + SPLITS - 1u) / SPLITS;

struct Slice { first: u32, end: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;
@group(0) @binding(3) var<uniform> slice: Slice;

var<workgroup> sums: array<f32, 2048>;

// A column: its input channel's first element within an image, and its tap's distance from the pixel's first tap.
struct Column { channel: u32, y: i32, x: i32 }

fn column(index: u32, convGroup: u32) -> Column {
	let j = min(index, COLUMNS - 1u);
	let tap = j % (KERNEL_HEIGHT * KERNEL_WIDTH);
	return Column(
		(convGroup * GROUP_INPUTS + j / (KERNEL_HEIGHT * KERNEL_WIDTH)) * IN_PLANE,
		i32(tap / KERNEL_WIDTH * DILATION_Y) - i32(PADDING_Y),
		i32(tap % KERNEL_WIDTH * DILATION_X) - i32(PADDING_X),
	);
}

fn load(image: u32, at: Column, oy: u32, ox: u32) -> f32 {
	let iy = u32(i32(oy * STRIDE_Y) + at.y);
	let ix = u32(i32(ox * STRIDE_X) + at.x);
	let inside = iy < IN_HEIGHT && ix < IN_WIDTH; // a negative position wraps to a huge one
	return select(0.0, x[select(0u, image + at.channel + iy * IN_WIDTH + ix, inside)], inside);
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
	let firstColumn = workgroup % COLUMN_BLOCKS * 4u;
	let rowBlock = workgroup / COLUMN_BLOCKS % (GROUPS * ROW_BLOCKS);
	let convGroup = rowBlock / ROW_BLOCKS;
	let firstRow = convGroup * GROUP_OUTPUTS + rowBlock % ROW_BLOCKS * 8u;
	let endRow = (convGroup + 1u) * GROUP_OUTPUTS;
	let split = workgroup / (COLUMN_BLOCKS * GROUPS * ROW_BLOCKS);

	let column0 = column(firstColumn, convGroup);
	let column1 = column(firstColumn + 1u, convGroup);
	let column2 = column(firstColumn + 2u, convGroup);
	let column3 = column(firstColumn + 3u, convGroup);
	// The planes of dy that the 8 rows read; rows past the group's end repeat its last one.
	let row0 = firstRow * OUT_PLANE;
	let row1 = min(firstRow + 1u, endRow - 1u) * OUT_PLANE;
	let row2 = min(firstRow + 2u, endRow - 1u) * OUT_PLANE;
	let row3 = min(firstRow + 3u, endRow - 1u) * OUT_PLANE;
	let row4 = min(firstRow + 4u, endRow - 1u) * OUT_PLANE;
	let row5 = min(firstRow + 5u, endRow - 1u) * OUT_PLANE;
	let row6 = min(firstRow + 6u, endRow - 1u) * OUT_PLANE;
	let row7 = min(firstRow + 7u, endRow - 1u) * OUT_PLANE;

	var sum0 = vec4(0.0);
	var sum1 = vec4(0.0);
	var sum2 = vec4(0.0);
	var sum3 = vec4(0.0);
	var sum4 = vec4(0.0);
	var sum5 = vec4(0.0);
	var sum6 = vec4(0.0);
	var sum7 = vec4(0.0);
	let end = min((split + 1u) * SPLIT_PIXELS, PIXELS);
	for (var p = split * SPLIT_PIXELS + lane; p < end; p += 64u) {
		let n = p / OUT_PLANE;
		let within = p % OUT_PLANE;
		let oy = within / OUT_WIDTH;
		let ox = within % OUT_WIDTH;
		let image = n * IN_CHANNELS * IN_PLANE;
		let columns = vec4(
			load(image, column0, oy, ox),
			load(image, column1, oy, ox),
			load(image, column2, oy, ox),
			load(image, column3, oy, ox),
		);
		let at = n * OUT_CHANNELS * OUT_PLANE + within;
		sum0 = fma(vec4(dy[at + row0]), columns, sum0);
		sum1 = fma(vec4(dy[at + row1]), columns, sum1);
		sum2 = fma(vec4(dy[at + row2]), columns, sum2);
		sum3 = fma(vec4(dy[at + row3]), columns, sum3);
		if (GROUP_OUTPUTS > 4u) {
			sum4 = fma(vec4(dy[at + row4]), columns, sum4);
			sum5 = fma(vec4(dy[at + row5]), columns, sum5);
			sum6 = fma(vec4(dy[at + row6]), columns, sum6);
			sum7 = fma(vec4(dy[at + row7]), columns, sum7);
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
	if (lane >= 32u || row >= endRow || columnIndex >= COLUMNS) { return; }
	var total = 0.0;
	for (var l = 0u; l < 64u; l++) { total += sums[lane * 64u + l]; }
	partial[(split * OUT_CHANNELS + row) * COLUMNS + columnIndex] = total;
}
