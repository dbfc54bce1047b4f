// c[r, j] = Σ_k a[r, k] · b[k, j]
//
// a  float32 [ROWS, INNER], or its transpose in memory: element (r, k) lies at r·A_ROW + k·A_INNER
// b  float32 [INNER, COLUMNS], likewise at k·B_INNER + j·B_COLUMN
// c  float32 [ROWS, COLUMNS]
//
// Register blocking as in convolution.wgsl: an invocation has 8 rows × 4 columns, the columns 64 apart so that the 64
// invocations of a workgroup read neighbouring words of b and the same words of a. No features, default limits.

override ROWS: u32;
override INNER: u32;
override COLUMNS: u32;
override A_ROW: u32;
override A_INNER: u32;
override B_INNER: u32;
override B_COLUMN: u32;

override ROW_BLOCKS = (ROWS + 7u) / 8u;

struct Slice { first: u32, end: u32 }

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<uniform> slice: Slice;

fn store(column: u32, row: u32, low: vec4<f32>, high: vec4<f32>) {
	if (column >= COLUMNS) { return; }
	c[row * COLUMNS + column] = low.x;
	if (row + 1u < ROWS) { c[(row + 1u) * COLUMNS + column] = low.y; }
	if (row + 2u < ROWS) { c[(row + 2u) * COLUMNS + column] = low.z; }
	if (row + 3u < ROWS) { c[(row + 3u) * COLUMNS + column] = low.w; }
	if (row + 4u < ROWS) { c[(row + 4u) * COLUMNS + column] = high.x; }
	if (row + 5u < ROWS) { c[(row + 5u) * COLUMNS + column] = high.y; }
	if (row + 6u < ROWS) { c[(row + 6u) * COLUMNS + column] = high.z; }
	if (row + 7u < ROWS) { c[(row + 7u) * COLUMNS + column] = high.w; }
}

@compute @workgroup_size(64)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = slice.first + group.y * groups.x + group.x;
	if (workgroup >= slice.end) { return; }
	let row = workgroup % ROW_BLOCKS * 8u;
	let column = workgroup / ROW_BLOCKS * 256u + lane;
	// Rows and columns past the end repeat the last one and are not stored.
	let row0 = row * A_ROW;
	let row1 = min(row + 1u, ROWS - 1u) * A_ROW;
	let row2 = min(row + 2u, ROWS - 1u) * A_ROW;
	let row3 = min(row + 3u, ROWS - 1u) * A_ROW;
	let row4 = min(row + 4u, ROWS - 1u) * A_ROW;
	let row5 = min(row + 5u, ROWS - 1u) * A_ROW;
	let row6 = min(row + 6u, ROWS - 1u) * A_ROW;
	let row7 = min(row + 7u, ROWS - 1u) * A_ROW;
	let column0 = min(column, COLUMNS - 1u) * B_COLUMN;
	let column1 = min(column + 64u, COLUMNS - 1u) * B_COLUMN;
	let column2 = min(column + 128u, COLUMNS - 1u) * B_COLUMN;
	let column3 = min(column + 192u, COLUMNS - 1u) * B_COLUMN;

	var low0 = vec4(0.0);
	var low1 = vec4(0.0);
	var low2 = vec4(0.0);
	var low3 = vec4(0.0);
	var high0 = vec4(0.0);
	var high1 = vec4(0.0);
	var high2 = vec4(0.0);
	var high3 = vec4(0.0);
	for (var k = 0u; k < INNER; k++) {
		let ka = k * A_INNER;
		let kb = k * B_INNER;
		let aLow = vec4(a[row0 + ka], a[row1 + ka], a[row2 + ka], a[row3 + ka]);
		let aHigh = vec4(a[row4 + ka], a[row5 + ka], a[row6 + ka], a[row7 + ka]);
		let b0 = vec4(b[column0 + kb]);
		let b1 = vec4(b[column1 + kb]);
		let b2 = vec4(b[column2 + kb]);
		let b3 = vec4(b[column3 + kb]);
		low0 = fma(b0, aLow, low0);
		low1 = fma(b1, aLow, low1);
		low2 = fma(b2, aLow, low2);
		low3 = fma(b3, aLow, low3);
		high0 = fma(b0, aHigh, high0);
		high1 = fma(b1, aHigh, high1);
		high2 = fma(b2, aHigh, high2);
		high3 = fma(b3, aHigh, high3);
	}
	store(column, row, low0, high0);
	store(column + 64u, row, low1, high1);
	store(column + 128u, row, low2, high2);
	store(column + 192u, row, low3, high3);
}
