// The weight gradient of a convolution as in convolution_weight_grad.wgsl, for adapters where a subgroup is cheap and
// workgroup memory and barriers are not (lavapipe, SwiftShader).
//
// x        float32 [BATCH, IN_CHANNELS, IN_HEIGHT, IN_WIDTH]
// dy       float32 [GROUPS, ⌈GROUP_OUTPUTS / 16⌉, BATCH · OUT_HEIGHT · OUT_WIDTH, 16], from pack_channels.wgsl
// partial  float32 [SPLITS, OUT_CHANNELS, IN_CHANNELS / GROUPS, KERNEL_HEIGHT, KERNEL_WIDTH]
//
// A workgroup is one subgroup of SUBGROUP lanes (4 or more). A lane has 4 columns (a column is an (i, ky, kx)) and 16
// output channels of one group, for the rows of output pixels of one split. For each pixel a lane loads the 4 values of x
// that its columns meet there and 4 of the 16 gradients, which the subgroup then hands round by subgroupBroadcast. The
// rows of a split depend on the shape alone. Needs the feature subgroups, and a subgroup of just SUBGROUP lanes.

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
override TAPS = KERNEL_HEIGHT * KERNEL_WIDTH;
override COLUMNS = GROUP_INPUTS * TAPS;
override BLOCKS = (GROUP_OUTPUTS + 15u) / 16u;
override COLUMN_BLOCKS = (COLUMNS + 4u * SUBGROUP - 1u) / (4u * SUBGROUP);
override IN_PLANE = IN_HEIGHT * IN_WIDTH;
override ROWS = BATCH * OUT_HEIGHT;
override SPLIT_ROWS = (ROWS + SPLITS - 1u) / SPLITS;

struct Slice { first: u32, end: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;
@group(0) @binding(3) var<uniform> slice: Slice;

fn store4(at: u32, o: u32, end: u32, sum: vec4<f32>) {
	if (o < end) { partial[at] = sum.x; }
	if (o + 1u < end) { partial[at + COLUMNS] = sum.y; }
	if (o + 2u < end) { partial[at + 2u * COLUMNS] = sum.z; }
	if (o + 3u < end) { partial[at + 3u * COLUMNS] = sum.w; }
}

fn store(split: u32, column: u32, o: u32, end: u32, a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) {
	if (column >= COLUMNS) { return; }
	let at = (split * OUT_CHANNELS + o) * COLUMNS + column;
	store4(at, o, end, a);
	if (GROUP_OUTPUTS > 4u) { store4(at + 4u * COLUMNS, o + 4u, end, b); }
	if (GROUP_OUTPUTS > 8u) { store4(at + 8u * COLUMNS, o + 8u, end, c); }
	if (GROUP_OUTPUTS > 12u) { store4(at + 12u * COLUMNS, o + 12u, end, d); }
}

@compute @workgroup_size(SUBGROUP)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = slice.first + group.y * groups.x + group.x;
	if (workgroup >= slice.end) { return; }
	let block = workgroup / COLUMN_BLOCKS % (GROUPS * BLOCKS);
	let convGroup = block / BLOCKS;
	let split = workgroup / (COLUMN_BLOCKS * GROUPS * BLOCKS);
	let column = workgroup % COLUMN_BLOCKS * (4u * SUBGROUP) + vec4(0u, 1u, 2u, 3u) * SUBGROUP + lane;
	let at = min(column, vec4(COLUMNS - 1u));
	let plane = (convGroup * GROUP_INPUTS + at / TAPS) * IN_PLANE;
	let tapY = vec4<i32>(at % TAPS / KERNEL_WIDTH * DILATION_Y) - i32(PADDING_Y);
	let tapX = vec4<i32>(at % KERNEL_WIDTH * DILATION_X) - i32(PADDING_X);

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
	let endRow = min((split + 1u) * SPLIT_ROWS, ROWS);
	for (var row = split * SPLIT_ROWS; row < endRow; row++) {
		let iy = vec4<u32>(i32(row % OUT_HEIGHT * STRIDE_Y) + tapY);
		let rowInside = iy < vec4(IN_HEIGHT);
		let source = row / OUT_HEIGHT * IN_CHANNELS * IN_PLANE + plane + select(vec4(0u), iy, rowInside) * IN_WIDTH;
		var ix = vec4<u32>(tapX);
		var pixel = (block * ROWS + row) * OUT_WIDTH * 4u + (lane & 3u);
		for (var ox = 0u; ox < OUT_WIDTH; ox++) {
			let inside = rowInside & (ix < vec4(IN_WIDTH));
			let cell = source + select(vec4(0u), ix, inside);
			let values = select(vec4(0.0), vec4(x[cell.x], x[cell.y], x[cell.z], x[cell.w]), inside);
			let gradients = dy[pixel];
			let ga = subgroupBroadcast(gradients, 0u);
			a0 = fma(ga, values.xxxx, a0);
			a1 = fma(ga, values.yyyy, a1);
			a2 = fma(ga, values.zzzz, a2);
			a3 = fma(ga, values.wwww, a3);
			if (GROUP_OUTPUTS > 4u) {
				let gb = subgroupBroadcast(gradients, 1u);
				b0 = fma(gb, values.xxxx, b0);
				b1 = fma(gb, values.yyyy, b1);
				b2 = fma(gb, values.zzzz, b2);
				b3 = fma(gb, values.wwww, b3);
			}
			if (GROUP_OUTPUTS > 8u) {
				let gc = subgroupBroadcast(gradients, 2u);
				c0 = fma(gc, values.xxxx, c0);
				c1 = fma(gc, values.yyyy, c1);
				c2 = fma(gc, values.zzzz, c2);
				c3 = fma(gc, values.wwww, c3);
			}
			if (GROUP_OUTPUTS > 12u) {
				let gd = subgroupBroadcast(gradients, 3u);
				d0 = fma(gd, values.xxxx, d0);
				d1 = fma(gd, values.yyyy, d1);
				d2 = fma(gd, values.zzzz, d2);
				d3 = fma(gd, values.wwww, d3);
			}
			ix += STRIDE_X;
			pixel += 4u;
		}
	}
	let first = convGroup * GROUP_OUTPUTS + block % BLOCKS * 16u;
	let end = (convGroup + 1u) * GROUP_OUTPUTS;
	store(split, column.x, first, end, a0, b0, c0, d0);
	store(split, column.y, first, end, a1, b1, c1, d1);
	store(split, column.z, first, end, a2, b2, c2, d2);
	store(split, column.w, first, end, a3, b3, c3, d3);
}
