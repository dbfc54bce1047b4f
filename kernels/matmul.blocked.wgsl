// c[p, r, j] = Σ_k a[p, r, k] · b[p, k, j] for each product p of a batch
//
// a      float32 [products, ⌈rows / 16⌉, inner rounded up to 2, 16] from pack_factor.blocked.wgsl, or
//        [products, inner, rows] if 16 divides rows and 2 divides inner
// b      float32 [products, ⌈columns / (4 · SUBGROUP)⌉, inner rounded up to 2, 4 · SUBGROUP], likewise, or
//        [products, inner, columns] if 4 divides columns and 2 divides inner
// c      float32 [products, rows, columns]
// sizes  aBlock, bBlock: from one block of 16 rows or 4 · SUBGROUP columns to the next, in vectors of 4;
//        aStep, bStep: from one k to the next; aProduct, bProduct: from one product to the next, 0 for a
//        factor that all products have
// slice  the workgroups of this dispatch
//
// For adapters on which a subgroup is cheap and a load of one word for each lane is expensive (lavapipe,
// SwiftShader). A workgroup is one subgroup of SUBGROUP lanes: 4, or 8 and more. It computes 16 rows, a lane
// computes 4 neighbouring columns of them. For two k the subgroup loads 32 values of a, which it then
// broadcasts, and a lane loads 4 values of b for each. Needs the feature subgroups, and subgroups of exactly
// SUBGROUP lanes.
// Reference: test/reference/matmul.ts, matmul

enable subgroups;

override SUBGROUP: u32;

struct Sizes {
	rows: u32,
	inner: u32,
	columns: u32,
	aBlock: u32,
	aStep: u32,
	bBlock: u32,
	bStep: u32,
	aProduct: u32,
	bProduct: u32,
}

struct Slice { first: u32, end: u32 }

@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;
@group(0) @binding(4) var<uniform> slice: Slice;

@compute @workgroup_size(SUBGROUP)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = slice.first + group.y * groups.x + group.x;
	if (workgroup >= slice.end) { return; }
	let rowBlocks = (sizes.rows + 15u) / 16u;
	let blocks = rowBlocks * ((sizes.columns + 4u * SUBGROUP - 1u) / (4u * SUBGROUP));
	let product = workgroup / blocks;
	let rowBlock = workgroup % blocks % rowBlocks;
	let columnBlock = workgroup % blocks / rowBlocks;
	let second = (lane / 4u) & 1u;
	var atA = product * sizes.aProduct + rowBlock * sizes.aBlock + (lane & 3u) + second * sizes.aStep;
	var atB = product * sizes.bProduct + columnBlock * sizes.bBlock + lane;

	var sum0 = vec4(0.0);
	var sum1 = sum0;
	var sum2 = sum0;
	var sum3 = sum0;
	var sum4 = sum0;
	var sum5 = sum0;
	var sum6 = sum0;
	var sum7 = sum0;
	var sum8 = sum0;
	var sum9 = sum0;
	var sum10 = sum0;
	var sum11 = sum0;
	var sum12 = sum0;
	var sum13 = sum0;
	var sum14 = sum0;
	var sum15 = sum0;
	for (var k = 0u; k < sizes.inner; k += 2u) {
		let values = a[atA];
		var t0: vec4<f32>;
		var t1: vec4<f32>;
		var t2: vec4<f32>;
		var t3: vec4<f32>;
		if (SUBGROUP == 4u) {
			let others = a[atA + sizes.aStep];
			t0 = subgroupBroadcast(others, 0u);
			t1 = subgroupBroadcast(others, 1u);
			t2 = subgroupBroadcast(others, 2u);
			t3 = subgroupBroadcast(others, 3u);
		} else {
			t0 = subgroupBroadcast(values, 4u);
			t1 = subgroupBroadcast(values, 5u);
			t2 = subgroupBroadcast(values, 6u);
			t3 = subgroupBroadcast(values, 7u);
		}
		let b0 = b[atB];
		let b1 = b[atB + sizes.bStep];
		let s0 = subgroupBroadcast(values, 0u);
		sum0 = fma(b1, t0.xxxx, fma(b0, s0.xxxx, sum0));
		sum1 = fma(b1, t0.yyyy, fma(b0, s0.yyyy, sum1));
		sum2 = fma(b1, t0.zzzz, fma(b0, s0.zzzz, sum2));
		sum3 = fma(b1, t0.wwww, fma(b0, s0.wwww, sum3));
		let s1 = subgroupBroadcast(values, 1u);
		sum4 = fma(b1, t1.xxxx, fma(b0, s1.xxxx, sum4));
		sum5 = fma(b1, t1.yyyy, fma(b0, s1.yyyy, sum5));
		sum6 = fma(b1, t1.zzzz, fma(b0, s1.zzzz, sum6));
		sum7 = fma(b1, t1.wwww, fma(b0, s1.wwww, sum7));
		let s2 = subgroupBroadcast(values, 2u);
		sum8 = fma(b1, t2.xxxx, fma(b0, s2.xxxx, sum8));
		sum9 = fma(b1, t2.yyyy, fma(b0, s2.yyyy, sum9));
		sum10 = fma(b1, t2.zzzz, fma(b0, s2.zzzz, sum10));
		sum11 = fma(b1, t2.wwww, fma(b0, s2.wwww, sum11));
		let s3 = subgroupBroadcast(values, 3u);
		sum12 = fma(b1, t3.xxxx, fma(b0, s3.xxxx, sum12));
		sum13 = fma(b1, t3.yyyy, fma(b0, s3.yyyy, sum13));
		sum14 = fma(b1, t3.zzzz, fma(b0, s3.zzzz, sum14));
		sum15 = fma(b1, t3.wwww, fma(b0, s3.wwww, sum15));
		atA += 2u * sizes.aStep;
		atB += 2u * sizes.bStep;
	}
	// In a loop whose length the compiler does not know: 64 stores in a row take long to compile.
	var sums = array(sum0, sum1, sum2, sum3, sum4, sum5, sum6, sum7, sum8, sum9, sum10, sum11, sum12, sum13, sum14, sum15);
	let column = (columnBlock * SUBGROUP + lane) * 4u;
	let rows = min(16u, sizes.rows - 16u * rowBlock);
	var at = (product * sizes.rows + 16u * rowBlock) * sizes.columns + column;
	for (var r = 0u; r < rows; r++) {
		let sum = sums[r];
		if (column < sizes.columns) { c[at] = sum.x; }
		if (column + 1u < sizes.columns) { c[at + 1u] = sum.y; }
		if (column + 2u < sizes.columns) { c[at + 2u] = sum.z; }
		if (column + 3u < sizes.columns) { c[at + 3u] = sum.w; }
		at += sizes.columns;
	}
}
