// c[p, r, j] = Σ_k a[p, r, k] · b[p, k, j] for each product p of a batch
//
// a      float32 [products, rows, inner], or transposed in memory: element (p, r, k) is at
//        p·aProduct + r·aRow + k·aInner
// b      float32 [products, inner, columns], likewise at p·bProduct + k·bInner + j·bColumn
// c      float32 [products, rows, columns]
// sizes  aProduct, aRow, aInner, bProduct, bInner, bColumn: strides; aProduct or bProduct is 0 for a factor
//        that all products have
// slice  the workgroups of this dispatch
//
// Register blocking: an invocation computes 8 rows × 4 columns. The columns are 64 apart, so the 64
// invocations of a workgroup read neighbouring words of b and the same words of a. No features, default
// limits.
// Reference: test/reference/matmul.ts, matmul

struct Sizes {
	rows: u32,
	inner: u32,
	columns: u32,
	aRow: u32,
	aInner: u32,
	bInner: u32,
	bColumn: u32,
	aProduct: u32,
	bProduct: u32,
}

struct Slice { first: u32, end: u32 }

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;
@group(0) @binding(4) var<uniform> slice: Slice;

// `start`: of c, for this product.
fn store(start: u32, column: u32, row: u32, low: vec4<f32>, high: vec4<f32>) {
	if (column >= sizes.columns) { return; }
	c[start + row * sizes.columns + column] = low.x;
	if (row + 1u < sizes.rows) { c[start + (row + 1u) * sizes.columns + column] = low.y; }
	if (row + 2u < sizes.rows) { c[start + (row + 2u) * sizes.columns + column] = low.z; }
	if (row + 3u < sizes.rows) { c[start + (row + 3u) * sizes.columns + column] = low.w; }
	if (row + 4u < sizes.rows) { c[start + (row + 4u) * sizes.columns + column] = high.x; }
	if (row + 5u < sizes.rows) { c[start + (row + 5u) * sizes.columns + column] = high.y; }
	if (row + 6u < sizes.rows) { c[start + (row + 6u) * sizes.columns + column] = high.z; }
	if (row + 7u < sizes.rows) { c[start + (row + 7u) * sizes.columns + column] = high.w; }
}

@compute @workgroup_size(64)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = slice.first + group.y * groups.x + group.x;
	if (workgroup >= slice.end) { return; }
	let rowBlocks = (sizes.rows + 7u) / 8u;
	let blocks = rowBlocks * ((sizes.columns + 255u) / 256u);
	let product = workgroup / blocks;
	let block = workgroup % blocks;
	let row = block % rowBlocks * 8u;
	let column = block / rowBlocks * 256u + lane;
	let startA = product * sizes.aProduct;
	let startB = product * sizes.bProduct;
	// Rows and columns after the end repeat the last one, and are not stored.
	let row0 = startA + row * sizes.aRow;
	let row1 = startA + min(row + 1u, sizes.rows - 1u) * sizes.aRow;
	let row2 = startA + min(row + 2u, sizes.rows - 1u) * sizes.aRow;
	let row3 = startA + min(row + 3u, sizes.rows - 1u) * sizes.aRow;
	let row4 = startA + min(row + 4u, sizes.rows - 1u) * sizes.aRow;
	let row5 = startA + min(row + 5u, sizes.rows - 1u) * sizes.aRow;
	let row6 = startA + min(row + 6u, sizes.rows - 1u) * sizes.aRow;
	let row7 = startA + min(row + 7u, sizes.rows - 1u) * sizes.aRow;
	let column0 = startB + min(column, sizes.columns - 1u) * sizes.bColumn;
	let column1 = startB + min(column + 64u, sizes.columns - 1u) * sizes.bColumn;
	let column2 = startB + min(column + 128u, sizes.columns - 1u) * sizes.bColumn;
	let column3 = startB + min(column + 192u, sizes.columns - 1u) * sizes.bColumn;

	var low0 = vec4(0.0);
	var low1 = vec4(0.0);
	var low2 = vec4(0.0);
	var low3 = vec4(0.0);
	var high0 = vec4(0.0);
	var high1 = vec4(0.0);
	var high2 = vec4(0.0);
	var high3 = vec4(0.0);
	for (var k = 0u; k < sizes.inner; k++) {
		let ka = k * sizes.aInner;
		let kb = k * sizes.bInner;
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
	let start = product * sizes.rows * sizes.columns;
	store(start, column, row, low0, high0);
	store(start, column + 64u, row, low1, high1);
	store(start, column + 128u, row, low2, high2);
	store(start, column + 192u, row, low3, high3);
}
