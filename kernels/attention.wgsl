// out[b, i] = Σ_j p[b, i, j] · v[b, j] with p[b, i] = softmax over j of
// scale · q[b, i]·k[b, j] + mask[b, i, j]
//
// q      float32 [batch, queries, 4 · depth], as vectors of 4
// k      float32 [batch, keys, 4 · depth], as vectors of 4
// v      float32 [batch, keys, 4 · width], as vectors of 4
// mask   [batch, queries, keys]: float32 that is added to the scores (maskKind 1), or uint32, 0 for a key
//        that is not attended to (maskKind 2); not read with maskKind 0
// out    float32 [batch, queries, 4 · width], as vectors of 4; 0 for a query that attends to nothing
// sums   float32 [2, batch, queries]: the first half gets log Σ_j exp(score), or 3.4e38 for a query that
//        attends to nothing; the second half is for attention_grad_query.wgsl
// sizes  maskBatch: from the mask of one b to the next, 0 if all have the same; causal 1: key j is
//        attended to from query i if j ≤ i
// slice  the workgroups of this dispatch
//
// A workgroup computes 64 queries × 64 columns of out; the scores, of which none is stored, are computed
// again for each 64 columns. It reads 32 keys at a time. Invocation (x, y) computes the scores of queries
// 4y … 4y + 3 and keys 4x … 4x + 3 from parts of q and k in workgroup memory, 16 values of the depth at a
// time, and stores their exponentials there. Then it multiplies these with vectors x and x + 8 of v for
// its queries.
//
// The maximum and the sum of a query's scores are those of the keys so far; out is rescaled when the
// maximum grows. Keys that no query of the workgroup attends to are skipped if causal. No features,
// default limits.
// Source: Dao, FlashAttention-2 (2023), algorithm 1.
// Reference: test/reference/attention.ts, attention

struct Sizes {
	queries: u32,
	keys: u32,
	depth: u32,
	width: u32,
	maskKind: u32,
	maskBatch: u32,
	causal: u32,
	scale: f32,
}

struct Slice { first: u32, end: u32 }

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> mask: array<u32>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> sums: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;
@group(0) @binding(7) var<uniform> slice: Slice;

// One after another: 16 values of the depth × 16 vectors of 4 queries, and × 8 vectors of 4 keys from KEYS
// on; 8 × 16 vectors of maxima or sums of 4 queries; 16 keys × 16 vectors of v.
var<workgroup> tile: array<vec4<f32>, 384>;
// exp(score − maximum): 32 keys × 16 vectors of 4 queries.
var<workgroup> weights: array<vec4<f32>, 512>;

const KEYS = 256u;
// The score of a key that is not attended to, and the smallest maximum: exp(lowest − least) is 0.
const lowest = -3.4028234e38;
const least = -1e38;

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: vec4<f32>) -> vec4<bool> { return (bitcast<vec4<u32>>(x) & vec4(0x7fffffffu)) > vec4(0x7f800000u); }

// exp(x), and NaN for NaN: on some adapters exp(NaN) is infinity.
fn expOrNan(x: vec4<f32>) -> vec4<f32> { return select(exp(x), x, isNan(x)); }

// For 4 neighbouring queries: of 4 keys.
struct Scores { k0: vec4<f32>, k1: vec4<f32>, k2: vec4<f32>, k3: vec4<f32> }

fn storeTransposed(at: u32, stride: u32, a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) {
	tile[at] = vec4(a.x, b.x, c.x, d.x);
	tile[at + stride] = vec4(a.y, b.y, c.y, d.y);
	tile[at + 2u * stride] = vec4(a.z, b.z, c.z, d.z);
	tile[at + 3u * stride] = vec4(a.w, b.w, c.w, d.w);
}

// q·k for the invocation's queries and keys, of the tile from query `row` and key `key` on.
fn products(batch: u32, row: u32, key: u32, lane: u32) -> Scores {
	var s = Scores(vec4(0.0), vec4(0.0), vec4(0.0), vec4(0.0));
	for (var first = 0u; first < sizes.depth; first += 4u) {
		workgroupBarrier();
		// Each of 96 invocations copies 4 rows × 4 values of the depth.
		if (lane < 64u) {
			let source = first + lane / 16u;
			let rows = min(vec4(row + lane % 16u * 4u) + vec4(0u, 1u, 2u, 3u), vec4(sizes.queries - 1u));
			let at = (vec4(batch * sizes.queries) + rows) * sizes.depth + min(source, sizes.depth - 1u);
			storeTransposed(lane / 16u * 64u + lane % 16u, 16u, q[at.x], q[at.y], q[at.z], q[at.w]);
		} else if (lane < 96u) {
			let part = (lane - 64u) / 8u;
			let rows = min(vec4(key + lane % 8u * 4u) + vec4(0u, 1u, 2u, 3u), vec4(sizes.keys - 1u));
			let at = (vec4(batch * sizes.keys) + rows) * sizes.depth + min(first + part, sizes.depth - 1u);
			storeTransposed(KEYS + part * 32u + lane % 8u, 8u, k[at.x], k[at.y], k[at.z], k[at.w]);
		}
		workgroupBarrier();
		let length = 4u * min(4u, sizes.depth - first);
		for (var e = 0u; e < length; e++) {
			let a = tile[e * 16u + lane / 8u];
			let b = tile[KEYS + e * 8u + lane % 8u];
			s.k0 = fma(a, b.xxxx, s.k0);
			s.k1 = fma(a, b.yyyy, s.k1);
			s.k2 = fma(a, b.zzzz, s.k2);
			s.k3 = fma(a, b.wwww, s.k3);
		}
	}
	return s;
}

// The scores of 4 queries for one key from their products, the lowest number if they may not attend to it.
fn scoresOf(product: vec4<f32>, batch: u32, row: u32, key: u32) -> vec4<f32> {
	let rows = vec4(row) + vec4(0u, 1u, 2u, 3u);
	var score = product * sizes.scale;
	var attends = vec4(key < sizes.keys) & (vec4(sizes.causal == 0u) | (vec4(key) <= rows));
	if (sizes.maskKind > 0u) {
		let at = batch * sizes.maskBatch + min(rows, vec4(sizes.queries - 1u)) * sizes.keys + min(key, sizes.keys - 1u);
		let values = vec4(mask[at.x], mask[at.y], mask[at.z], mask[at.w]);
		if (sizes.maskKind == 1u) { score += bitcast<vec4<f32>>(values); }
		else { attends &= values != vec4(0u); }
	}
	return select(vec4(lowest), score, attends);
}

// Stores the vectors x and x + 8 of a row of out.
fn store(batch: u32, row: u32, column: u32, low: vec4<f32>, high: vec4<f32>) {
	if (row >= sizes.queries) { return; }
	let at = (batch * sizes.queries + row) * sizes.width;
	if (column < sizes.width) { out[at + column] = low; }
	if (column + 8u < sizes.width) { out[at + column + 8u] = high; }
}

@compute @workgroup_size(128)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = slice.first + group.y * groups.x + group.x;
	if (workgroup >= slice.end) { return; }
	let rowTiles = (sizes.queries + 63u) / 64u;
	let parts = (sizes.width + 15u) / 16u;
	// The last queries first: if causal they take longest.
	let row = (rowTiles - 1u - workgroup % rowTiles) * 64u;
	let part = workgroup / rowTiles % parts;
	let batch = workgroup / (rowTiles * parts);
	let x = lane % 8u;
	let y = lane / 8u;
	let keys = select(sizes.keys, min(sizes.keys, row + 64u), sizes.causal == 1u);

	var largest = vec4(least);
	var total = vec4(0.0);
	var l0 = vec4(0.0);
	var h0 = vec4(0.0);
	var l1 = vec4(0.0);
	var h1 = vec4(0.0);
	var l2 = vec4(0.0);
	var h2 = vec4(0.0);
	var l3 = vec4(0.0);
	var h3 = vec4(0.0);
	for (var key = 0u; key < keys; key += 32u) {
		let s = products(batch, row, key, lane);
		let s0 = scoresOf(s.k0, batch, row + 4u * y, key + 4u * x);
		let s1 = scoresOf(s.k1, batch, row + 4u * y, key + 4u * x + 1u);
		let s2 = scoresOf(s.k2, batch, row + 4u * y, key + 4u * x + 2u);
		let s3 = scoresOf(s.k3, batch, row + 4u * y, key + 4u * x + 3u);
		workgroupBarrier();
		tile[x * 16u + y] = max(max(s0, s1), max(s2, s3));
		workgroupBarrier();
		var grown = largest;
		for (var i = 0u; i < 8u; i++) { grown = max(grown, tile[i * 16u + y]); }
		let factor = expOrNan(largest - grown);
		largest = grown;
		let p0 = expOrNan(s0 - grown);
		let p1 = expOrNan(s1 - grown);
		let p2 = expOrNan(s2 - grown);
		let p3 = expOrNan(s3 - grown);
		total = fma(total, factor, (p0 + p1) + (p2 + p3));
		weights[x * 64u + y] = p0;
		weights[x * 64u + 16u + y] = p1;
		weights[x * 64u + 32u + y] = p2;
		weights[x * 64u + 48u + y] = p3;
		l0 *= factor.x;
		h0 *= factor.x;
		l1 *= factor.y;
		h1 *= factor.y;
		l2 *= factor.z;
		h2 *= factor.z;
		l3 *= factor.w;
		h3 *= factor.w;
		for (var first = 0u; first < 32u; first += 16u) {
			workgroupBarrier();
			for (var i = lane; i < 256u; i += 128u) {
				let source = key + first + i / 16u;
				let column = part * 16u + i % 16u;
				let at = (batch * sizes.keys + min(source, sizes.keys - 1u)) * sizes.width + min(column, sizes.width - 1u);
				tile[i] = select(vec4(0.0), v[at], source < sizes.keys);
			}
			workgroupBarrier();
			let length = min(16u, sizes.keys);
			for (var j = 0u; j < length; j++) {
				let p = weights[(first + j) * 16u + y];
				let low = tile[j * 16u + x];
				let high = tile[j * 16u + 8u + x];
				l0 = fma(p.xxxx, low, l0);
				h0 = fma(p.xxxx, high, h0);
				l1 = fma(p.yyyy, low, l1);
				h1 = fma(p.yyyy, high, h1);
				l2 = fma(p.zzzz, low, l2);
				h2 = fma(p.zzzz, high, h2);
				l3 = fma(p.wwww, low, l3);
				h3 = fma(p.wwww, high, h3);
			}
		}
	}

	workgroupBarrier();
	tile[x * 16u + y] = total;
	workgroupBarrier();
	total = vec4(0.0);
	for (var i = 0u; i < 8u; i++) { total += tile[i * 16u + y]; }
	let nothing = total == vec4(0.0);
	let inverse = select(1.0 / total, vec4(0.0), nothing);
	let at = row + 4u * y;
	let column = part * 16u + x;
	store(batch, at, column, l0 * inverse.x, h0 * inverse.x);
	store(batch, at + 1u, column, l1 * inverse.y, h1 * inverse.y);
	store(batch, at + 2u, column, l2 * inverse.z, h2 * inverse.z);
	store(batch, at + 3u, column, l3 * inverse.w, h3 * inverse.w);
	if (part == 0u && x == 0u) {
		let logarithm = select(select(largest + log(total), vec4(-lowest), nothing), total, isNan(total));
		for (var i = 0u; i < 4u; i++) {
			if (at + i < sizes.queries) { sums[batch * sizes.queries + at + i] = logarithm[i]; }
		}
	}
}
