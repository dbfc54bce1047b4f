// dv[b, j] = Σ_i p[b, i, j] · dout[b, i], dk[b, j] = scale · Σ_i ds[b, i, j] · q[b, i] with
// ds = p · (dout·v − delta) and the weights p of attention.blocked.wgsl
//
// q      float32 [batch, ⌈queries / 32⌉, depth rounded up to 2, 32] from pack_factor.blocked.wgsl
// k      float32 [batch, ⌈keys / 32⌉, depth rounded up to 2, 32], likewise
// v      float32 [batch, ⌈keys / 32⌉, width rounded up to 2, 32], likewise
// mask   as in attention.blocked.wgsl, but packed as [batch, ⌈keys / 32⌉, queries rounded up to 2, 32]
// dout   float32 [batch, ⌈queries / 32⌉, width rounded up to 2, 32], packed likewise: the gradient of the
//        output
// sums   float32 [2, batch, queries]: the logarithms from attention.blocked.wgsl, delta from
//        attention_grad_query.blocked.wgsl
// dk     float32 [batch, keys, depth]
// dv     float32 [batch, keys, width]
// sizes  as in attention.blocked.wgsl
// slice  the workgroups of this dispatch
//
// For adapters on which a subgroup is cheap and a load of one word for each lane is expensive (lavapipe).
// A workgroup is one subgroup of 8 lanes. It computes 32 keys, 4 neighbouring ones a lane, × 64 columns of
// dk and of dv, which are in workgroup memory. It reads 32 queries at a time, broadcasts them, and has p,
// then ds, in registers. Queries that attend to no key of the workgroup are skipped if causal. Needs the
// feature subgroups, and subgroups of exactly 8 lanes.
// Source: Dao, FlashAttention-2 (2023), algorithm 2.
// Reference: test/reference/attention.ts, attentionBackward

enable subgroups;

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
@group(0) @binding(3) var<storage, read> mask: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> dout: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> sums: array<f32>;
@group(0) @binding(6) var<storage, read_write> dk: array<f32>;
@group(0) @binding(7) var<storage, read_write> dv: array<f32>;
@group(0) @binding(8) var<uniform> sizes: Sizes;
@group(0) @binding(9) var<uniform> slice: Slice;

// dv so far, then dk: 64 columns each × 8 vectors of 4 keys, each of which only its lane reads.
var<workgroup> sofar: array<vec4<f32>, 1024>;

// The score of a key that is not attended to.
const lowest = -3.4028234e38;

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: vec4<f32>) -> vec4<bool> { return (bitcast<vec4<u32>>(x) & vec4(0x7fffffffu)) > vec4(0x7f800000u); }

// exp(x), and NaN for NaN: on some adapters exp(NaN) is infinity.
fn expOrNan(x: vec4<f32>) -> vec4<f32> { return select(exp(x), x, isNan(x)); }

// What a vector of the mask adds to scores.
fn maskOf(value: vec4<f32>) -> vec4<f32> {
	if (sizes.maskKind == 1u) { return value; }
	return select(vec4(0.0), vec4(lowest), bitcast<vec4<u32>>(value) == vec4(0u));
}

// Of one half of sums, for 4 queries; 0 after the last one.
fn sumsOf(start: u32, query: u32) -> vec4<f32> {
	let queries = vec4(query) + vec4(0u, 1u, 2u, 3u);
	let at = start + min(queries, vec4(sizes.queries - 1u));
	return select(vec4(0.0), vec4(sums[at.x], sums[at.y], sums[at.z], sums[at.w]), queries < vec4(sizes.queries));
}

@compute @workgroup_size(8)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = slice.first + group.y * groups.x + group.x;
	if (workgroup >= slice.end) { return; }
	let tiles = (sizes.keys + 31u) / 32u;
	let parts = (max(sizes.depth, sizes.width) + 63u) / 64u;
	// The first keys first: if causal they take longest.
	let tile = workgroup % tiles;
	let part = workgroup / tiles % parts;
	let batch = workgroup / (tiles * parts);
	let row = 32u * tile + 4u * lane;
	// The first query that attends to each key.
	let rows = vec4(row) + vec4(0u, 1u, 2u, 3u);
	let first = select(vec4(0u), rows, sizes.causal == 1u);
	let queryTiles = (sizes.queries + 31u) / 32u;
	let depth = (sizes.depth + 1u) / 2u * 2u;
	let width = (sizes.width + 1u) / 2u * 2u;
	let keyColumns = min(64u, depth - min(depth, 64u * part));
	let valueColumns = min(64u, width - min(width, 64u * part));
	let maskQueries = (sizes.queries + 1u) / 2u * 2u;
	let atK = (batch * tiles + tile) * depth * 8u + lane;
	let atV = (batch * tiles + tile) * width * 8u + lane;
	let atMask = batch * sizes.maskBatch + tile * maskQueries * 8u + lane;

	for (var i = 0u; i < 128u; i++) { sofar[8u * i + lane] = vec4(0.0); }
	for (var t = select(0u, tile, sizes.causal == 1u); t < queryTiles; t++) {
		let atQ = (batch * queryTiles + t) * depth * 8u + lane;
		let atDout = (batch * queryTiles + t) * width * 8u + lane;
		var s0 = vec4(0.0);
		var s1 = s0;
		var s2 = s0;
		var s3 = s0;
		var s4 = s0;
		var s5 = s0;
		var s6 = s0;
		var s7 = s0;
		var s8 = s0;
		var s9 = s0;
		var s10 = s0;
		var s11 = s0;
		var s12 = s0;
		var s13 = s0;
		var s14 = s0;
		var s15 = s0;
		var s16 = s0;
		var s17 = s0;
		var s18 = s0;
		var s19 = s0;
		var s20 = s0;
		var s21 = s0;
		var s22 = s0;
		var s23 = s0;
		var s24 = s0;
		var s25 = s0;
		var s26 = s0;
		var s27 = s0;
		var s28 = s0;
		var s29 = s0;
		var s30 = s0;
		var s31 = s0;
		for (var i = 0u; i < depth; i += 2u) {
			let x0 = k[atK + 8u * i];
			let x1 = k[atK + 8u * i + 8u];
			let y0 = q[atQ + 8u * i];
			let y1 = q[atQ + 8u * i + 8u];
			let a0 = subgroupBroadcast(y0, 0u);
			let b0 = subgroupBroadcast(y1, 0u);
			s0 = fma(x1, b0.xxxx, fma(x0, a0.xxxx, s0));
			s1 = fma(x1, b0.yyyy, fma(x0, a0.yyyy, s1));
			s2 = fma(x1, b0.zzzz, fma(x0, a0.zzzz, s2));
			s3 = fma(x1, b0.wwww, fma(x0, a0.wwww, s3));
			let a1 = subgroupBroadcast(y0, 1u);
			let b1 = subgroupBroadcast(y1, 1u);
			s4 = fma(x1, b1.xxxx, fma(x0, a1.xxxx, s4));
			s5 = fma(x1, b1.yyyy, fma(x0, a1.yyyy, s5));
			s6 = fma(x1, b1.zzzz, fma(x0, a1.zzzz, s6));
			s7 = fma(x1, b1.wwww, fma(x0, a1.wwww, s7));
			let a2 = subgroupBroadcast(y0, 2u);
			let b2 = subgroupBroadcast(y1, 2u);
			s8 = fma(x1, b2.xxxx, fma(x0, a2.xxxx, s8));
			s9 = fma(x1, b2.yyyy, fma(x0, a2.yyyy, s9));
			s10 = fma(x1, b2.zzzz, fma(x0, a2.zzzz, s10));
			s11 = fma(x1, b2.wwww, fma(x0, a2.wwww, s11));
			let a3 = subgroupBroadcast(y0, 3u);
			let b3 = subgroupBroadcast(y1, 3u);
			s12 = fma(x1, b3.xxxx, fma(x0, a3.xxxx, s12));
			s13 = fma(x1, b3.yyyy, fma(x0, a3.yyyy, s13));
			s14 = fma(x1, b3.zzzz, fma(x0, a3.zzzz, s14));
			s15 = fma(x1, b3.wwww, fma(x0, a3.wwww, s15));
			let a4 = subgroupBroadcast(y0, 4u);
			let b4 = subgroupBroadcast(y1, 4u);
			s16 = fma(x1, b4.xxxx, fma(x0, a4.xxxx, s16));
			s17 = fma(x1, b4.yyyy, fma(x0, a4.yyyy, s17));
			s18 = fma(x1, b4.zzzz, fma(x0, a4.zzzz, s18));
			s19 = fma(x1, b4.wwww, fma(x0, a4.wwww, s19));
			let a5 = subgroupBroadcast(y0, 5u);
			let b5 = subgroupBroadcast(y1, 5u);
			s20 = fma(x1, b5.xxxx, fma(x0, a5.xxxx, s20));
			s21 = fma(x1, b5.yyyy, fma(x0, a5.yyyy, s21));
			s22 = fma(x1, b5.zzzz, fma(x0, a5.zzzz, s22));
			s23 = fma(x1, b5.wwww, fma(x0, a5.wwww, s23));
			let a6 = subgroupBroadcast(y0, 6u);
			let b6 = subgroupBroadcast(y1, 6u);
			s24 = fma(x1, b6.xxxx, fma(x0, a6.xxxx, s24));
			s25 = fma(x1, b6.yyyy, fma(x0, a6.yyyy, s25));
			s26 = fma(x1, b6.zzzz, fma(x0, a6.zzzz, s26));
			s27 = fma(x1, b6.wwww, fma(x0, a6.wwww, s27));
			let a7 = subgroupBroadcast(y0, 7u);
			let b7 = subgroupBroadcast(y1, 7u);
			s28 = fma(x1, b7.xxxx, fma(x0, a7.xxxx, s28));
			s29 = fma(x1, b7.yyyy, fma(x0, a7.yyyy, s29));
			s30 = fma(x1, b7.zzzz, fma(x0, a7.zzzz, s30));
			s31 = fma(x1, b7.wwww, fma(x0, a7.wwww, s31));
		}
		s0 *= sizes.scale;
		s1 *= sizes.scale;
		s2 *= sizes.scale;
		s3 *= sizes.scale;
		s4 *= sizes.scale;
		s5 *= sizes.scale;
		s6 *= sizes.scale;
		s7 *= sizes.scale;
		s8 *= sizes.scale;
		s9 *= sizes.scale;
		s10 *= sizes.scale;
		s11 *= sizes.scale;
		s12 *= sizes.scale;
		s13 *= sizes.scale;
		s14 *= sizes.scale;
		s15 *= sizes.scale;
		s16 *= sizes.scale;
		s17 *= sizes.scale;
		s18 *= sizes.scale;
		s19 *= sizes.scale;
		s20 *= sizes.scale;
		s21 *= sizes.scale;
		s22 *= sizes.scale;
		s23 *= sizes.scale;
		s24 *= sizes.scale;
		s25 *= sizes.scale;
		s26 *= sizes.scale;
		s27 *= sizes.scale;
		s28 *= sizes.scale;
		s29 *= sizes.scale;
		s30 *= sizes.scale;
		s31 *= sizes.scale;
		if (sizes.maskKind > 0u) {
			for (var j = 0u; j < 32u; j++) {
				let added = maskOf(mask[atMask + 8u * min(32u * t + j, sizes.queries - 1u)]);
				s0 += select(vec4(0.0), added, j == 0u);
				s1 += select(vec4(0.0), added, j == 1u);
				s2 += select(vec4(0.0), added, j == 2u);
				s3 += select(vec4(0.0), added, j == 3u);
				s4 += select(vec4(0.0), added, j == 4u);
				s5 += select(vec4(0.0), added, j == 5u);
				s6 += select(vec4(0.0), added, j == 6u);
				s7 += select(vec4(0.0), added, j == 7u);
				s8 += select(vec4(0.0), added, j == 8u);
				s9 += select(vec4(0.0), added, j == 9u);
				s10 += select(vec4(0.0), added, j == 10u);
				s11 += select(vec4(0.0), added, j == 11u);
				s12 += select(vec4(0.0), added, j == 12u);
				s13 += select(vec4(0.0), added, j == 13u);
				s14 += select(vec4(0.0), added, j == 14u);
				s15 += select(vec4(0.0), added, j == 15u);
				s16 += select(vec4(0.0), added, j == 16u);
				s17 += select(vec4(0.0), added, j == 17u);
				s18 += select(vec4(0.0), added, j == 18u);
				s19 += select(vec4(0.0), added, j == 19u);
				s20 += select(vec4(0.0), added, j == 20u);
				s21 += select(vec4(0.0), added, j == 21u);
				s22 += select(vec4(0.0), added, j == 22u);
				s23 += select(vec4(0.0), added, j == 23u);
				s24 += select(vec4(0.0), added, j == 24u);
				s25 += select(vec4(0.0), added, j == 25u);
				s26 += select(vec4(0.0), added, j == 26u);
				s27 += select(vec4(0.0), added, j == 27u);
				s28 += select(vec4(0.0), added, j == 28u);
				s29 += select(vec4(0.0), added, j == 29u);
				s30 += select(vec4(0.0), added, j == 30u);
				s31 += select(vec4(0.0), added, j == 31u);
			}
		}
		// Of the 32 queries the first that attends, and how many there are.
		let start = first - min(first, vec4(32u * t));
		let count = vec4(sizes.queries - 32u * t);
		let logarithms = sumsOf(batch * sizes.queries, 32u * t + 4u * lane);
		let l0 = subgroupBroadcast(logarithms, 0u);
		s0 = expOrNan(select(vec4(lowest), s0, (start <= vec4(0u)) & (vec4(0u) < count)) - l0.xxxx);
		s1 = expOrNan(select(vec4(lowest), s1, (start <= vec4(1u)) & (vec4(1u) < count)) - l0.yyyy);
		s2 = expOrNan(select(vec4(lowest), s2, (start <= vec4(2u)) & (vec4(2u) < count)) - l0.zzzz);
		s3 = expOrNan(select(vec4(lowest), s3, (start <= vec4(3u)) & (vec4(3u) < count)) - l0.wwww);
		let l1 = subgroupBroadcast(logarithms, 1u);
		s4 = expOrNan(select(vec4(lowest), s4, (start <= vec4(4u)) & (vec4(4u) < count)) - l1.xxxx);
		s5 = expOrNan(select(vec4(lowest), s5, (start <= vec4(5u)) & (vec4(5u) < count)) - l1.yyyy);
		s6 = expOrNan(select(vec4(lowest), s6, (start <= vec4(6u)) & (vec4(6u) < count)) - l1.zzzz);
		s7 = expOrNan(select(vec4(lowest), s7, (start <= vec4(7u)) & (vec4(7u) < count)) - l1.wwww);
		let l2 = subgroupBroadcast(logarithms, 2u);
		s8 = expOrNan(select(vec4(lowest), s8, (start <= vec4(8u)) & (vec4(8u) < count)) - l2.xxxx);
		s9 = expOrNan(select(vec4(lowest), s9, (start <= vec4(9u)) & (vec4(9u) < count)) - l2.yyyy);
		s10 = expOrNan(select(vec4(lowest), s10, (start <= vec4(10u)) & (vec4(10u) < count)) - l2.zzzz);
		s11 = expOrNan(select(vec4(lowest), s11, (start <= vec4(11u)) & (vec4(11u) < count)) - l2.wwww);
		let l3 = subgroupBroadcast(logarithms, 3u);
		s12 = expOrNan(select(vec4(lowest), s12, (start <= vec4(12u)) & (vec4(12u) < count)) - l3.xxxx);
		s13 = expOrNan(select(vec4(lowest), s13, (start <= vec4(13u)) & (vec4(13u) < count)) - l3.yyyy);
		s14 = expOrNan(select(vec4(lowest), s14, (start <= vec4(14u)) & (vec4(14u) < count)) - l3.zzzz);
		s15 = expOrNan(select(vec4(lowest), s15, (start <= vec4(15u)) & (vec4(15u) < count)) - l3.wwww);
		let l4 = subgroupBroadcast(logarithms, 4u);
		s16 = expOrNan(select(vec4(lowest), s16, (start <= vec4(16u)) & (vec4(16u) < count)) - l4.xxxx);
		s17 = expOrNan(select(vec4(lowest), s17, (start <= vec4(17u)) & (vec4(17u) < count)) - l4.yyyy);
		s18 = expOrNan(select(vec4(lowest), s18, (start <= vec4(18u)) & (vec4(18u) < count)) - l4.zzzz);
		s19 = expOrNan(select(vec4(lowest), s19, (start <= vec4(19u)) & (vec4(19u) < count)) - l4.wwww);
		let l5 = subgroupBroadcast(logarithms, 5u);
		s20 = expOrNan(select(vec4(lowest), s20, (start <= vec4(20u)) & (vec4(20u) < count)) - l5.xxxx);
		s21 = expOrNan(select(vec4(lowest), s21, (start <= vec4(21u)) & (vec4(21u) < count)) - l5.yyyy);
		s22 = expOrNan(select(vec4(lowest), s22, (start <= vec4(22u)) & (vec4(22u) < count)) - l5.zzzz);
		s23 = expOrNan(select(vec4(lowest), s23, (start <= vec4(23u)) & (vec4(23u) < count)) - l5.wwww);
		let l6 = subgroupBroadcast(logarithms, 6u);
		s24 = expOrNan(select(vec4(lowest), s24, (start <= vec4(24u)) & (vec4(24u) < count)) - l6.xxxx);
		s25 = expOrNan(select(vec4(lowest), s25, (start <= vec4(25u)) & (vec4(25u) < count)) - l6.yyyy);
		s26 = expOrNan(select(vec4(lowest), s26, (start <= vec4(26u)) & (vec4(26u) < count)) - l6.zzzz);
		s27 = expOrNan(select(vec4(lowest), s27, (start <= vec4(27u)) & (vec4(27u) < count)) - l6.wwww);
		let l7 = subgroupBroadcast(logarithms, 7u);
		s28 = expOrNan(select(vec4(lowest), s28, (start <= vec4(28u)) & (vec4(28u) < count)) - l7.xxxx);
		s29 = expOrNan(select(vec4(lowest), s29, (start <= vec4(29u)) & (vec4(29u) < count)) - l7.yyyy);
		s30 = expOrNan(select(vec4(lowest), s30, (start <= vec4(30u)) & (vec4(30u) < count)) - l7.zzzz);
		s31 = expOrNan(select(vec4(lowest), s31, (start <= vec4(31u)) & (vec4(31u) < count)) - l7.wwww);
		let atValues = atDout + 64u * part * 8u;
		for (var i = 0u; i < valueColumns; i += 2u) {
			let at = 8u * i + lane;
			let y0 = dout[atValues + 8u * i];
			let y1 = dout[atValues + 8u * i + 8u];
			var sum0 = sofar[at];
			var sum1 = sofar[at + 8u];
			let a0 = subgroupBroadcast(y0, 0u);
			let b0 = subgroupBroadcast(y1, 0u);
			sum0 = fma(s0, a0.xxxx, sum0);
			sum1 = fma(s0, b0.xxxx, sum1);
			sum0 = fma(s1, a0.yyyy, sum0);
			sum1 = fma(s1, b0.yyyy, sum1);
			sum0 = fma(s2, a0.zzzz, sum0);
			sum1 = fma(s2, b0.zzzz, sum1);
			sum0 = fma(s3, a0.wwww, sum0);
			sum1 = fma(s3, b0.wwww, sum1);
			let a1 = subgroupBroadcast(y0, 1u);
			let b1 = subgroupBroadcast(y1, 1u);
			sum0 = fma(s4, a1.xxxx, sum0);
			sum1 = fma(s4, b1.xxxx, sum1);
			sum0 = fma(s5, a1.yyyy, sum0);
			sum1 = fma(s5, b1.yyyy, sum1);
			sum0 = fma(s6, a1.zzzz, sum0);
			sum1 = fma(s6, b1.zzzz, sum1);
			sum0 = fma(s7, a1.wwww, sum0);
			sum1 = fma(s7, b1.wwww, sum1);
			let a2 = subgroupBroadcast(y0, 2u);
			let b2 = subgroupBroadcast(y1, 2u);
			sum0 = fma(s8, a2.xxxx, sum0);
			sum1 = fma(s8, b2.xxxx, sum1);
			sum0 = fma(s9, a2.yyyy, sum0);
			sum1 = fma(s9, b2.yyyy, sum1);
			sum0 = fma(s10, a2.zzzz, sum0);
			sum1 = fma(s10, b2.zzzz, sum1);
			sum0 = fma(s11, a2.wwww, sum0);
			sum1 = fma(s11, b2.wwww, sum1);
			let a3 = subgroupBroadcast(y0, 3u);
			let b3 = subgroupBroadcast(y1, 3u);
			sum0 = fma(s12, a3.xxxx, sum0);
			sum1 = fma(s12, b3.xxxx, sum1);
			sum0 = fma(s13, a3.yyyy, sum0);
			sum1 = fma(s13, b3.yyyy, sum1);
			sum0 = fma(s14, a3.zzzz, sum0);
			sum1 = fma(s14, b3.zzzz, sum1);
			sum0 = fma(s15, a3.wwww, sum0);
			sum1 = fma(s15, b3.wwww, sum1);
			let a4 = subgroupBroadcast(y0, 4u);
			let b4 = subgroupBroadcast(y1, 4u);
			sum0 = fma(s16, a4.xxxx, sum0);
			sum1 = fma(s16, b4.xxxx, sum1);
			sum0 = fma(s17, a4.yyyy, sum0);
			sum1 = fma(s17, b4.yyyy, sum1);
			sum0 = fma(s18, a4.zzzz, sum0);
			sum1 = fma(s18, b4.zzzz, sum1);
			sum0 = fma(s19, a4.wwww, sum0);
			sum1 = fma(s19, b4.wwww, sum1);
			let a5 = subgroupBroadcast(y0, 5u);
			let b5 = subgroupBroadcast(y1, 5u);
			sum0 = fma(s20, a5.xxxx, sum0);
			sum1 = fma(s20, b5.xxxx, sum1);
			sum0 = fma(s21, a5.yyyy, sum0);
			sum1 = fma(s21, b5.yyyy, sum1);
			sum0 = fma(s22, a5.zzzz, sum0);
			sum1 = fma(s22, b5.zzzz, sum1);
			sum0 = fma(s23, a5.wwww, sum0);
			sum1 = fma(s23, b5.wwww, sum1);
			let a6 = subgroupBroadcast(y0, 6u);
			let b6 = subgroupBroadcast(y1, 6u);
			sum0 = fma(s24, a6.xxxx, sum0);
			sum1 = fma(s24, b6.xxxx, sum1);
			sum0 = fma(s25, a6.yyyy, sum0);
			sum1 = fma(s25, b6.yyyy, sum1);
			sum0 = fma(s26, a6.zzzz, sum0);
			sum1 = fma(s26, b6.zzzz, sum1);
			sum0 = fma(s27, a6.wwww, sum0);
			sum1 = fma(s27, b6.wwww, sum1);
			let a7 = subgroupBroadcast(y0, 7u);
			let b7 = subgroupBroadcast(y1, 7u);
			sum0 = fma(s28, a7.xxxx, sum0);
			sum1 = fma(s28, b7.xxxx, sum1);
			sum0 = fma(s29, a7.yyyy, sum0);
			sum1 = fma(s29, b7.yyyy, sum1);
			sum0 = fma(s30, a7.zzzz, sum0);
			sum1 = fma(s30, b7.zzzz, sum1);
			sum0 = fma(s31, a7.wwww, sum0);
			sum1 = fma(s31, b7.wwww, sum1);
			sofar[at] = sum0;
			sofar[at + 8u] = sum1;
		}
		var g0 = vec4(0.0);
		var g1 = g0;
		var g2 = g0;
		var g3 = g0;
		var g4 = g0;
		var g5 = g0;
		var g6 = g0;
		var g7 = g0;
		var g8 = g0;
		var g9 = g0;
		var g10 = g0;
		var g11 = g0;
		var g12 = g0;
		var g13 = g0;
		var g14 = g0;
		var g15 = g0;
		var g16 = g0;
		var g17 = g0;
		var g18 = g0;
		var g19 = g0;
		var g20 = g0;
		var g21 = g0;
		var g22 = g0;
		var g23 = g0;
		var g24 = g0;
		var g25 = g0;
		var g26 = g0;
		var g27 = g0;
		var g28 = g0;
		var g29 = g0;
		var g30 = g0;
		var g31 = g0;
		for (var i = 0u; i < width; i += 2u) {
			let x0 = v[atV + 8u * i];
			let x1 = v[atV + 8u * i + 8u];
			let y0 = dout[atDout + 8u * i];
			let y1 = dout[atDout + 8u * i + 8u];
			let a0 = subgroupBroadcast(y0, 0u);
			let b0 = subgroupBroadcast(y1, 0u);
			g0 = fma(x1, b0.xxxx, fma(x0, a0.xxxx, g0));
			g1 = fma(x1, b0.yyyy, fma(x0, a0.yyyy, g1));
			g2 = fma(x1, b0.zzzz, fma(x0, a0.zzzz, g2));
			g3 = fma(x1, b0.wwww, fma(x0, a0.wwww, g3));
			let a1 = subgroupBroadcast(y0, 1u);
			let b1 = subgroupBroadcast(y1, 1u);
			g4 = fma(x1, b1.xxxx, fma(x0, a1.xxxx, g4));
			g5 = fma(x1, b1.yyyy, fma(x0, a1.yyyy, g5));
			g6 = fma(x1, b1.zzzz, fma(x0, a1.zzzz, g6));
			g7 = fma(x1, b1.wwww, fma(x0, a1.wwww, g7));
			let a2 = subgroupBroadcast(y0, 2u);
			let b2 = subgroupBroadcast(y1, 2u);
			g8 = fma(x1, b2.xxxx, fma(x0, a2.xxxx, g8));
			g9 = fma(x1, b2.yyyy, fma(x0, a2.yyyy, g9));
			g10 = fma(x1, b2.zzzz, fma(x0, a2.zzzz, g10));
			g11 = fma(x1, b2.wwww, fma(x0, a2.wwww, g11));
			let a3 = subgroupBroadcast(y0, 3u);
			let b3 = subgroupBroadcast(y1, 3u);
			g12 = fma(x1, b3.xxxx, fma(x0, a3.xxxx, g12));
			g13 = fma(x1, b3.yyyy, fma(x0, a3.yyyy, g13));
			g14 = fma(x1, b3.zzzz, fma(x0, a3.zzzz, g14));
			g15 = fma(x1, b3.wwww, fma(x0, a3.wwww, g15));
			let a4 = subgroupBroadcast(y0, 4u);
			let b4 = subgroupBroadcast(y1, 4u);
			g16 = fma(x1, b4.xxxx, fma(x0, a4.xxxx, g16));
			g17 = fma(x1, b4.yyyy, fma(x0, a4.yyyy, g17));
			g18 = fma(x1, b4.zzzz, fma(x0, a4.zzzz, g18));
			g19 = fma(x1, b4.wwww, fma(x0, a4.wwww, g19));
			let a5 = subgroupBroadcast(y0, 5u);
			let b5 = subgroupBroadcast(y1, 5u);
			g20 = fma(x1, b5.xxxx, fma(x0, a5.xxxx, g20));
			g21 = fma(x1, b5.yyyy, fma(x0, a5.yyyy, g21));
			g22 = fma(x1, b5.zzzz, fma(x0, a5.zzzz, g22));
			g23 = fma(x1, b5.wwww, fma(x0, a5.wwww, g23));
			let a6 = subgroupBroadcast(y0, 6u);
			let b6 = subgroupBroadcast(y1, 6u);
			g24 = fma(x1, b6.xxxx, fma(x0, a6.xxxx, g24));
			g25 = fma(x1, b6.yyyy, fma(x0, a6.yyyy, g25));
			g26 = fma(x1, b6.zzzz, fma(x0, a6.zzzz, g26));
			g27 = fma(x1, b6.wwww, fma(x0, a6.wwww, g27));
			let a7 = subgroupBroadcast(y0, 7u);
			let b7 = subgroupBroadcast(y1, 7u);
			g28 = fma(x1, b7.xxxx, fma(x0, a7.xxxx, g28));
			g29 = fma(x1, b7.yyyy, fma(x0, a7.yyyy, g29));
			g30 = fma(x1, b7.zzzz, fma(x0, a7.zzzz, g30));
			g31 = fma(x1, b7.wwww, fma(x0, a7.wwww, g31));
		}
		let deltas = sumsOf(arrayLength(&sums) / 2u + batch * sizes.queries, 32u * t + 4u * lane);
		let d0 = subgroupBroadcast(deltas, 0u);
		s0 *= g0 - d0.xxxx;
		s1 *= g1 - d0.yyyy;
		s2 *= g2 - d0.zzzz;
		s3 *= g3 - d0.wwww;
		let d1 = subgroupBroadcast(deltas, 1u);
		s4 *= g4 - d1.xxxx;
		s5 *= g5 - d1.yyyy;
		s6 *= g6 - d1.zzzz;
		s7 *= g7 - d1.wwww;
		let d2 = subgroupBroadcast(deltas, 2u);
		s8 *= g8 - d2.xxxx;
		s9 *= g9 - d2.yyyy;
		s10 *= g10 - d2.zzzz;
		s11 *= g11 - d2.wwww;
		let d3 = subgroupBroadcast(deltas, 3u);
		s12 *= g12 - d3.xxxx;
		s13 *= g13 - d3.yyyy;
		s14 *= g14 - d3.zzzz;
		s15 *= g15 - d3.wwww;
		let d4 = subgroupBroadcast(deltas, 4u);
		s16 *= g16 - d4.xxxx;
		s17 *= g17 - d4.yyyy;
		s18 *= g18 - d4.zzzz;
		s19 *= g19 - d4.wwww;
		let d5 = subgroupBroadcast(deltas, 5u);
		s20 *= g20 - d5.xxxx;
		s21 *= g21 - d5.yyyy;
		s22 *= g22 - d5.zzzz;
		s23 *= g23 - d5.wwww;
		let d6 = subgroupBroadcast(deltas, 6u);
		s24 *= g24 - d6.xxxx;
		s25 *= g25 - d6.yyyy;
		s26 *= g26 - d6.zzzz;
		s27 *= g27 - d6.wwww;
		let d7 = subgroupBroadcast(deltas, 7u);
		s28 *= g28 - d7.xxxx;
		s29 *= g29 - d7.yyyy;
		s30 *= g30 - d7.zzzz;
		s31 *= g31 - d7.wwww;
		let atColumns = atQ + 64u * part * 8u;
		for (var i = 0u; i < keyColumns; i += 2u) {
			let at = 8u * (64u + i) + lane;
			let y0 = q[atColumns + 8u * i];
			let y1 = q[atColumns + 8u * i + 8u];
			var sum0 = sofar[at];
			var sum1 = sofar[at + 8u];
			let a0 = subgroupBroadcast(y0, 0u);
			let b0 = subgroupBroadcast(y1, 0u);
			sum0 = fma(s0, a0.xxxx, sum0);
			sum1 = fma(s0, b0.xxxx, sum1);
			sum0 = fma(s1, a0.yyyy, sum0);
			sum1 = fma(s1, b0.yyyy, sum1);
			sum0 = fma(s2, a0.zzzz, sum0);
			sum1 = fma(s2, b0.zzzz, sum1);
			sum0 = fma(s3, a0.wwww, sum0);
			sum1 = fma(s3, b0.wwww, sum1);
			let a1 = subgroupBroadcast(y0, 1u);
			let b1 = subgroupBroadcast(y1, 1u);
			sum0 = fma(s4, a1.xxxx, sum0);
			sum1 = fma(s4, b1.xxxx, sum1);
			sum0 = fma(s5, a1.yyyy, sum0);
			sum1 = fma(s5, b1.yyyy, sum1);
			sum0 = fma(s6, a1.zzzz, sum0);
			sum1 = fma(s6, b1.zzzz, sum1);
			sum0 = fma(s7, a1.wwww, sum0);
			sum1 = fma(s7, b1.wwww, sum1);
			let a2 = subgroupBroadcast(y0, 2u);
			let b2 = subgroupBroadcast(y1, 2u);
			sum0 = fma(s8, a2.xxxx, sum0);
			sum1 = fma(s8, b2.xxxx, sum1);
			sum0 = fma(s9, a2.yyyy, sum0);
			sum1 = fma(s9, b2.yyyy, sum1);
			sum0 = fma(s10, a2.zzzz, sum0);
			sum1 = fma(s10, b2.zzzz, sum1);
			sum0 = fma(s11, a2.wwww, sum0);
			sum1 = fma(s11, b2.wwww, sum1);
			let a3 = subgroupBroadcast(y0, 3u);
			let b3 = subgroupBroadcast(y1, 3u);
			sum0 = fma(s12, a3.xxxx, sum0);
			sum1 = fma(s12, b3.xxxx, sum1);
			sum0 = fma(s13, a3.yyyy, sum0);
			sum1 = fma(s13, b3.yyyy, sum1);
			sum0 = fma(s14, a3.zzzz, sum0);
			sum1 = fma(s14, b3.zzzz, sum1);
			sum0 = fma(s15, a3.wwww, sum0);
			sum1 = fma(s15, b3.wwww, sum1);
			let a4 = subgroupBroadcast(y0, 4u);
			let b4 = subgroupBroadcast(y1, 4u);
			sum0 = fma(s16, a4.xxxx, sum0);
			sum1 = fma(s16, b4.xxxx, sum1);
			sum0 = fma(s17, a4.yyyy, sum0);
			sum1 = fma(s17, b4.yyyy, sum1);
			sum0 = fma(s18, a4.zzzz, sum0);
			sum1 = fma(s18, b4.zzzz, sum1);
			sum0 = fma(s19, a4.wwww, sum0);
			sum1 = fma(s19, b4.wwww, sum1);
			let a5 = subgroupBroadcast(y0, 5u);
			let b5 = subgroupBroadcast(y1, 5u);
			sum0 = fma(s20, a5.xxxx, sum0);
			sum1 = fma(s20, b5.xxxx, sum1);
			sum0 = fma(s21, a5.yyyy, sum0);
			sum1 = fma(s21, b5.yyyy, sum1);
			sum0 = fma(s22, a5.zzzz, sum0);
			sum1 = fma(s22, b5.zzzz, sum1);
			sum0 = fma(s23, a5.wwww, sum0);
			sum1 = fma(s23, b5.wwww, sum1);
			let a6 = subgroupBroadcast(y0, 6u);
			let b6 = subgroupBroadcast(y1, 6u);
			sum0 = fma(s24, a6.xxxx, sum0);
			sum1 = fma(s24, b6.xxxx, sum1);
			sum0 = fma(s25, a6.yyyy, sum0);
			sum1 = fma(s25, b6.yyyy, sum1);
			sum0 = fma(s26, a6.zzzz, sum0);
			sum1 = fma(s26, b6.zzzz, sum1);
			sum0 = fma(s27, a6.wwww, sum0);
			sum1 = fma(s27, b6.wwww, sum1);
			let a7 = subgroupBroadcast(y0, 7u);
			let b7 = subgroupBroadcast(y1, 7u);
			sum0 = fma(s28, a7.xxxx, sum0);
			sum1 = fma(s28, b7.xxxx, sum1);
			sum0 = fma(s29, a7.yyyy, sum0);
			sum1 = fma(s29, b7.yyyy, sum1);
			sum0 = fma(s30, a7.zzzz, sum0);
			sum1 = fma(s30, b7.zzzz, sum1);
			sum0 = fma(s31, a7.wwww, sum0);
			sum1 = fma(s31, b7.wwww, sum1);
			sofar[at] = sum0;
			sofar[at + 8u] = sum1;
		}
	}
	let rowsLeft = min(4u, sizes.keys - min(row, sizes.keys));
	let keyColumnsLeft = min(keyColumns, sizes.depth - min(sizes.depth, 64u * part));
	let valueColumnsLeft = min(valueColumns, sizes.width - min(sizes.width, 64u * part));
	for (var i = 0u; i < rowsLeft; i++) {
		let at = batch * sizes.keys + row + i;
		for (var j = 0u; j < valueColumnsLeft; j++) {
			dv[at * sizes.width + 64u * part + j] = sofar[8u * j + lane][i];
		}
		for (var j = 0u; j < keyColumnsLeft; j++) {
			dk[at * sizes.depth + 64u * part + j] = sofar[8u * (64u + j) + lane][i] * sizes.scale;
		}
	}
}
