// dv[b, j] = Σ_i p[b, i, j] · dout[b, i], dk[b, j] = scale · Σ_i ds[b, i, j] · q[b, i] with
// ds = p · (dout·v − delta) and the weights p of attention.wgsl
//
// q      float32 [batch, queries, 4 · depth], as vectors of 4
// k      float32 [batch, keys, 4 · depth], as vectors of 4
// v      float32 [batch, keys, 4 · width], as vectors of 4
// mask   as in attention.wgsl
// dout   float32 [batch, queries, 4 · width], as vectors of 4: the gradient of the output
// sums   float32 [2, batch, queries]: the logarithms from attention.wgsl, delta from
//        attention_grad_query.wgsl
// dk     float32 as k
// dv     float32 as v
// sizes  as in attention.wgsl
// slice  the workgroups of this dispatch
//
// A workgroup computes 64 keys × 64 columns of both, from 32 queries at a time. Invocation (x, y) computes
// the scores and the products dout·v of keys 4y … 4y + 3 and queries 4x … 4x + 3. It stores p in workgroup
// memory and multiplies it with vectors x and x + 8 of dout for its keys; then ds, which it multiplies
// with q. Queries that attend to no key of the workgroup are skipped if causal. No features, default
// limits.
// Source: Dao, FlashAttention-2 (2023), algorithm 2.
// Reference: test/reference/attention.ts, attentionBackward

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
@group(0) @binding(4) var<storage, read> dout: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> sums: array<f32>;
@group(0) @binding(6) var<storage, read_write> dk: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> dv: array<vec4<f32>>;
@group(0) @binding(8) var<uniform> sizes: Sizes;
@group(0) @binding(9) var<uniform> slice: Slice;

// One after another: 16 values of the depth × 16 vectors of 4 keys, and × 8 vectors of 4 queries from
// QUERIES on; 16 queries × 16 vectors of dout or q.
var<workgroup> tile: array<vec4<f32>, 384>;
// p or ds: 32 queries × 16 vectors of 4 keys.
var<workgroup> weights: array<vec4<f32>, 512>;

const QUERIES = 256u;
// The score of a key that is not attended to.
const lowest = -3.4028234e38;

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: vec4<f32>) -> vec4<bool> { return (bitcast<vec4<u32>>(x) & vec4(0x7fffffffu)) > vec4(0x7f800000u); }

// exp(x), and NaN for NaN: on some adapters exp(NaN) is infinity.
fn expOrNan(x: vec4<f32>) -> vec4<f32> { return select(exp(x), x, isNan(x)); }

// For 4 neighbouring keys: of 4 queries.
struct Scores { q0: vec4<f32>, q1: vec4<f32>, q2: vec4<f32>, q3: vec4<f32> }

fn storeTransposed(at: u32, stride: u32, a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) {
	tile[at] = vec4(a.x, b.x, c.x, d.x);
	tile[at + stride] = vec4(a.y, b.y, c.y, d.y);
	tile[at + 2u * stride] = vec4(a.z, b.z, c.z, d.z);
	tile[at + 3u * stride] = vec4(a.w, b.w, c.w, d.w);
}

// q·k for the invocation's queries and keys, of the tile from key `row` and query `query` on.
fn products(batch: u32, row: u32, query: u32, lane: u32) -> Scores {
	var s = Scores(vec4(0.0), vec4(0.0), vec4(0.0), vec4(0.0));
	for (var first = 0u; first < sizes.depth; first += 4u) {
		workgroupBarrier();
		// Each of 96 invocations copies 4 rows × 4 values of the depth.
		if (lane < 64u) {
			let source = first + lane / 16u;
			let rows = min(vec4(row + lane % 16u * 4u) + vec4(0u, 1u, 2u, 3u), vec4(sizes.keys - 1u));
			let at = (vec4(batch * sizes.keys) + rows) * sizes.depth + min(source, sizes.depth - 1u);
			storeTransposed(lane / 16u * 64u + lane % 16u, 16u, k[at.x], k[at.y], k[at.z], k[at.w]);
		} else if (lane < 96u) {
			let part = (lane - 64u) / 8u;
			let rows = min(vec4(query + lane % 8u * 4u) + vec4(0u, 1u, 2u, 3u), vec4(sizes.queries - 1u));
			let at = (vec4(batch * sizes.queries) + rows) * sizes.depth + min(first + part, sizes.depth - 1u);
			storeTransposed(QUERIES + part * 32u + lane % 8u, 8u, q[at.x], q[at.y], q[at.z], q[at.w]);
		}
		workgroupBarrier();
		let length = 4u * min(4u, sizes.depth - first);
		for (var e = 0u; e < length; e++) {
			let a = tile[e * 16u + lane / 8u];
			let b = tile[QUERIES + e * 8u + lane % 8u];
			s.q0 = fma(a, b.xxxx, s.q0);
			s.q1 = fma(a, b.yyyy, s.q1);
			s.q2 = fma(a, b.zzzz, s.q2);
			s.q3 = fma(a, b.wwww, s.q3);
		}
	}
	return s;
}

// dout·v for the invocation's queries and keys, of the tile from key `row` and query `query` on.
fn gradProducts(batch: u32, row: u32, query: u32, lane: u32) -> Scores {
	var s = Scores(vec4(0.0), vec4(0.0), vec4(0.0), vec4(0.0));
	for (var first = 0u; first < sizes.width; first += 4u) {
		workgroupBarrier();
		// Each of 96 invocations copies 4 rows × 4 values of the width.
		if (lane < 64u) {
			let source = first + lane / 16u;
			let rows = min(vec4(row + lane % 16u * 4u) + vec4(0u, 1u, 2u, 3u), vec4(sizes.keys - 1u));
			let at = (vec4(batch * sizes.keys) + rows) * sizes.width + min(source, sizes.width - 1u);
			storeTransposed(lane / 16u * 64u + lane % 16u, 16u, v[at.x], v[at.y], v[at.z], v[at.w]);
		} else if (lane < 96u) {
			let part = (lane - 64u) / 8u;
			let rows = min(vec4(query + lane % 8u * 4u) + vec4(0u, 1u, 2u, 3u), vec4(sizes.queries - 1u));
			let at = (vec4(batch * sizes.queries) + rows) * sizes.width + min(first + part, sizes.width - 1u);
			storeTransposed(QUERIES + part * 32u + lane % 8u, 8u, dout[at.x], dout[at.y], dout[at.z], dout[at.w]);
		}
		workgroupBarrier();
		let length = 4u * min(4u, sizes.width - first);
		for (var e = 0u; e < length; e++) {
			let a = tile[e * 16u + lane / 8u];
			let b = tile[QUERIES + e * 8u + lane % 8u];
			s.q0 = fma(a, b.xxxx, s.q0);
			s.q1 = fma(a, b.yyyy, s.q1);
			s.q2 = fma(a, b.zzzz, s.q2);
			s.q3 = fma(a, b.wwww, s.q3);
		}
	}
	return s;
}

// The scores of 4 keys for one query from their products, the lowest number if it may not attend to them.
fn scoresOf(product: vec4<f32>, batch: u32, row: u32, query: u32) -> vec4<f32> {
	let rows = vec4(row) + vec4(0u, 1u, 2u, 3u);
	var score = product * sizes.scale;
	var attends = vec4(query < sizes.queries) & (vec4(sizes.causal == 0u) | (rows <= vec4(query)));
	if (sizes.maskKind > 0u) {
		let start = batch * sizes.maskBatch + min(query, sizes.queries - 1u) * sizes.keys;
		let at = start + min(rows, vec4(sizes.keys - 1u));
		let values = vec4(mask[at.x], mask[at.y], mask[at.z], mask[at.w]);
		if (sizes.maskKind == 1u) { score += bitcast<vec4<f32>>(values); }
		else { attends &= values != vec4(0u); }
	}
	return select(vec4(lowest), score, attends);
}

// The weights of 4 keys for one query from their products.
fn weightsOf(product: vec4<f32>, batch: u32, row: u32, query: u32) -> vec4<f32> {
	let logarithm = sums[batch * sizes.queries + min(query, sizes.queries - 1u)];
	return expOrNan(scoresOf(product, batch, row, query) - logarithm);
}

fn deltaOf(batch: u32, query: u32) -> f32 {
	return sums[arrayLength(&sums) / 2u + batch * sizes.queries + min(query, sizes.queries - 1u)];
}

// The results of an invocation: vectors x and x + 8 of 4 rows.
struct Rows {
	l0: vec4<f32>,
	h0: vec4<f32>,
	l1: vec4<f32>,
	h1: vec4<f32>,
	l2: vec4<f32>,
	h2: vec4<f32>,
	l3: vec4<f32>,
	h3: vec4<f32>,
}

// Adds the products of 16 of the queries in `weights`, from `first` on, with their vectors in `tile`.
fn addProducts(sofar: Rows, first: u32, x: u32, y: u32) -> Rows {
	var r = sofar;
	let length = min(16u, sizes.queries);
	for (var j = 0u; j < length; j++) {
		let p = weights[(first + j) * 16u + y];
		let low = tile[j * 16u + x];
		let high = tile[j * 16u + 8u + x];
		r.l0 = fma(p.xxxx, low, r.l0);
		r.h0 = fma(p.xxxx, high, r.h0);
		r.l1 = fma(p.yyyy, low, r.l1);
		r.h1 = fma(p.yyyy, high, r.h1);
		r.l2 = fma(p.zzzz, low, r.l2);
		r.h2 = fma(p.zzzz, high, r.h2);
		r.l3 = fma(p.wwww, low, r.l3);
		r.h3 = fma(p.wwww, high, r.h3);
	}
	return r;
}

// Stores weights of the invocation's keys for its 4 queries.
fn storeWeights(x: u32, y: u32, w0: vec4<f32>, w1: vec4<f32>, w2: vec4<f32>, w3: vec4<f32>) {
	weights[x * 64u + y] = w0;
	weights[x * 64u + 16u + y] = w1;
	weights[x * 64u + 32u + y] = w2;
	weights[x * 64u + 48u + y] = w3;
}

// Stores the vectors x and x + 8 of a row of dk or dv.
fn storeKey(at: u32, column: u32, low: vec4<f32>, high: vec4<f32>) {
	if (column < sizes.depth) { dk[at + column] = low * sizes.scale; }
	if (column + 8u < sizes.depth) { dk[at + column + 8u] = high * sizes.scale; }
}

fn storeValue(at: u32, column: u32, low: vec4<f32>, high: vec4<f32>) {
	if (column < sizes.width) { dv[at + column] = low; }
	if (column + 8u < sizes.width) { dv[at + column + 8u] = high; }
}

fn store(batch: u32, row: u32, column: u32, keyLow: vec4<f32>, keyHigh: vec4<f32>, low: vec4<f32>, high: vec4<f32>) {
	if (row >= sizes.keys) { return; }
	let at = batch * sizes.keys + row;
	storeKey(at * sizes.depth, column, keyLow, keyHigh);
	storeValue(at * sizes.width, column, low, high);
}

@compute @workgroup_size(128)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = slice.first + group.y * groups.x + group.x;
	if (workgroup >= slice.end) { return; }
	let rowTiles = (sizes.keys + 63u) / 64u;
	let parts = (max(sizes.depth, sizes.width) + 15u) / 16u;
	// The first keys first: if causal they take longest.
	let row = workgroup % rowTiles * 64u;
	let part = workgroup / rowTiles % parts;
	let batch = workgroup / (rowTiles * parts);
	let x = lane % 8u;
	let y = lane / 8u;
	let at = row + 4u * y;

	let none = vec4(0.0);
	var keyRows = Rows(none, none, none, none, none, none, none, none);
	var valueRows = keyRows;
	for (var query = select(0u, row, sizes.causal == 1u); query < sizes.queries; query += 32u) {
		let s = products(batch, row, query, lane);
		let g = gradProducts(batch, row, query, lane);
		let own = query + 4u * x;
		let p0 = weightsOf(s.q0, batch, at, own);
		let p1 = weightsOf(s.q1, batch, at, own + 1u);
		let p2 = weightsOf(s.q2, batch, at, own + 2u);
		let p3 = weightsOf(s.q3, batch, at, own + 3u);
		storeWeights(x, y, p0, p1, p2, p3);
		for (var first = 0u; first < 32u; first += 16u) {
			workgroupBarrier();
			for (var i = lane; i < 256u; i += 128u) {
				let source = query + first + i / 16u;
				let vector = min(part * 16u + i % 16u, sizes.width - 1u);
				let value = dout[(batch * sizes.queries + min(source, sizes.queries - 1u)) * sizes.width + vector];
				tile[i] = select(none, value, source < sizes.queries);
			}
			workgroupBarrier();
			valueRows = addProducts(valueRows, first, x, y);
		}
		workgroupBarrier();
		storeWeights(
			x,
			y,
			p0 * (g.q0 - deltaOf(batch, own)),
			p1 * (g.q1 - deltaOf(batch, own + 1u)),
			p2 * (g.q2 - deltaOf(batch, own + 2u)),
			p3 * (g.q3 - deltaOf(batch, own + 3u)),
		);
		for (var first = 0u; first < 32u; first += 16u) {
			workgroupBarrier();
			for (var i = lane; i < 256u; i += 128u) {
				let source = query + first + i / 16u;
				let vector = min(part * 16u + i % 16u, sizes.depth - 1u);
				let value = q[(batch * sizes.queries + min(source, sizes.queries - 1u)) * sizes.depth + vector];
				tile[i] = select(none, value, source < sizes.queries);
			}
			workgroupBarrier();
			keyRows = addProducts(keyRows, first, x, y);
		}
	}
	let column = part * 16u + x;
	store(batch, at, column, keyRows.l0, keyRows.h0, valueRows.l0, valueRows.h0);
	store(batch, at + 1u, column, keyRows.l1, keyRows.h1, valueRows.l1, valueRows.h1);
	store(batch, at + 2u, column, keyRows.l2, keyRows.h2, valueRows.l2, valueRows.h2);
	store(batch, at + 3u, column, keyRows.l3, keyRows.h3, valueRows.l3, valueRows.h3);
}
