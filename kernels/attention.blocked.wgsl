// out[b, i] = Σ_j p[b, i, j] · v[b, j] with p[b, i] = softmax over j of
// scale · q[b, i]·k[b, j] + mask[b, i, j]
//
// q      float32 [batch, ⌈queries / 32⌉, depth rounded up to 2, 32] from pack_factor.blocked.wgsl
// k      float32 [batch, ⌈keys / 32⌉, depth rounded up to 2, 32], likewise
// v      float32 [batch, ⌈keys / 32⌉, width rounded up to 2, 32], likewise
// mask   [batch, ⌈queries / 32⌉, keys rounded up to 2, 32], likewise: float32 that is added to the scores
//        (maskKind 1), or uint32, 0 for a key that is not attended to (maskKind 2); not read with maskKind
//        0
// out    float32 [batch, queries, width]; 0 for a query that attends to nothing
// sums   float32 [2, batch, queries]: the first half gets log Σ_j exp(score), or 3.4e38 for a query that
//        attends to nothing; the second half is for attention_grad_query.blocked.wgsl
// sizes  maskBatch: from the mask of one b to the next in vectors of 4, 0 if all have the same; causal 1:
//        key j is attended to from query i if j ≤ i
// slice  the workgroups of this dispatch
//
// For adapters on which a subgroup is cheap and a load of one word for each lane is expensive (lavapipe).
// A workgroup is one subgroup of 8 lanes. It computes 32 queries, 4 neighbouring ones a lane, × 128
// columns of out; the scores, of which none is stored, are computed again for each 128 columns. It reads
// 32 keys at a time, broadcasts them, and has their scores, then their weights, in registers.
//
// The maximum and the sum of a query's scores are those of the keys so far; out, which is in workgroup
// memory, is rescaled when the maximum grows. Keys that no query of the workgroup attends to are skipped if causal.
// Needs the feature subgroups, and subgroups of exactly 8 lanes.
// Source: Dao, FlashAttention-2 (2023), algorithm 1.
// Reference: test/reference/attention.ts, attention

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
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
@group(0) @binding(5) var<storage, read_write> sums: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;
@group(0) @binding(7) var<uniform> slice: Slice;

// out so far: 128 columns × 8 vectors of 4 queries, each of which only its lane reads.
var<workgroup> sofar: array<vec4<f32>, 1024>;

// The smallest maximum: exp(lowest − least) is 0.
const least = -1e38;
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

@compute @workgroup_size(8)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let workgroup = slice.first + group.y * groups.x + group.x;
	if (workgroup >= slice.end) { return; }
	let tiles = (sizes.queries + 31u) / 32u;
	let parts = (sizes.width + 127u) / 128u;
	// The last queries first: if causal they take longest.
	let tile = tiles - 1u - workgroup % tiles;
	let part = workgroup / tiles % parts;
	let batch = workgroup / (tiles * parts);
	let row = 32u * tile + 4u * lane;
	// The last key that each query attends to.
	let rows = vec4(row) + vec4(0u, 1u, 2u, 3u);
	let last = min(vec4(sizes.keys - 1u), select(vec4(sizes.keys), rows, sizes.causal == 1u));
	let keyTiles = (sizes.keys + 31u) / 32u;
	let end = select(keyTiles, min(keyTiles, tile + 1u), sizes.causal == 1u);
	let depth = (sizes.depth + 1u) / 2u * 2u;
	let width = (sizes.width + 1u) / 2u * 2u;
	let columns = min(128u, width - 128u * part);
	let maskKeys = (sizes.keys + 1u) / 2u * 2u;
	let atQ = (batch * tiles + tile) * depth * 8u + lane;
	let atMask = batch * sizes.maskBatch + tile * maskKeys * 8u + lane;

	for (var i = 0u; i < columns; i++) { sofar[8u * i + lane] = vec4(0.0); }
	var largest = vec4(least);
	var total = vec4(0.0);
	for (var t = 0u; t < end; t++) {
		let atK = (batch * keyTiles + t) * depth * 8u + lane;
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
			let x0 = q[atQ + 8u * i];
			let x1 = q[atQ + 8u * i + 8u];
			let y0 = k[atK + 8u * i];
			let y1 = k[atK + 8u * i + 8u];
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
				let added = maskOf(mask[atMask + 8u * min(32u * t + j, sizes.keys - 1u)]);
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
		// Of the 32 keys the last one that is attended to, if any is.
		let limit = last - min(last, vec4(32u * t));
		let some = last >= vec4(32u * t);
		s0 = select(vec4(lowest), s0, some & (limit >= vec4(0u)));
		s1 = select(vec4(lowest), s1, some & (limit >= vec4(1u)));
		s2 = select(vec4(lowest), s2, some & (limit >= vec4(2u)));
		s3 = select(vec4(lowest), s3, some & (limit >= vec4(3u)));
		s4 = select(vec4(lowest), s4, some & (limit >= vec4(4u)));
		s5 = select(vec4(lowest), s5, some & (limit >= vec4(5u)));
		s6 = select(vec4(lowest), s6, some & (limit >= vec4(6u)));
		s7 = select(vec4(lowest), s7, some & (limit >= vec4(7u)));
		s8 = select(vec4(lowest), s8, some & (limit >= vec4(8u)));
		s9 = select(vec4(lowest), s9, some & (limit >= vec4(9u)));
		s10 = select(vec4(lowest), s10, some & (limit >= vec4(10u)));
		s11 = select(vec4(lowest), s11, some & (limit >= vec4(11u)));
		s12 = select(vec4(lowest), s12, some & (limit >= vec4(12u)));
		s13 = select(vec4(lowest), s13, some & (limit >= vec4(13u)));
		s14 = select(vec4(lowest), s14, some & (limit >= vec4(14u)));
		s15 = select(vec4(lowest), s15, some & (limit >= vec4(15u)));
		s16 = select(vec4(lowest), s16, some & (limit >= vec4(16u)));
		s17 = select(vec4(lowest), s17, some & (limit >= vec4(17u)));
		s18 = select(vec4(lowest), s18, some & (limit >= vec4(18u)));
		s19 = select(vec4(lowest), s19, some & (limit >= vec4(19u)));
		s20 = select(vec4(lowest), s20, some & (limit >= vec4(20u)));
		s21 = select(vec4(lowest), s21, some & (limit >= vec4(21u)));
		s22 = select(vec4(lowest), s22, some & (limit >= vec4(22u)));
		s23 = select(vec4(lowest), s23, some & (limit >= vec4(23u)));
		s24 = select(vec4(lowest), s24, some & (limit >= vec4(24u)));
		s25 = select(vec4(lowest), s25, some & (limit >= vec4(25u)));
		s26 = select(vec4(lowest), s26, some & (limit >= vec4(26u)));
		s27 = select(vec4(lowest), s27, some & (limit >= vec4(27u)));
		s28 = select(vec4(lowest), s28, some & (limit >= vec4(28u)));
		s29 = select(vec4(lowest), s29, some & (limit >= vec4(29u)));
		s30 = select(vec4(lowest), s30, some & (limit >= vec4(30u)));
		s31 = select(vec4(lowest), s31, some & (limit >= vec4(31u)));
		var grown = largest;
		grown = max(grown, max(max(s0, s1), max(s2, s3)));
		grown = max(grown, max(max(s4, s5), max(s6, s7)));
		grown = max(grown, max(max(s8, s9), max(s10, s11)));
		grown = max(grown, max(max(s12, s13), max(s14, s15)));
		grown = max(grown, max(max(s16, s17), max(s18, s19)));
		grown = max(grown, max(max(s20, s21), max(s22, s23)));
		grown = max(grown, max(max(s24, s25), max(s26, s27)));
		grown = max(grown, max(max(s28, s29), max(s30, s31)));
		let factor = expOrNan(largest - grown);
		largest = grown;
		total *= factor;
		s0 = expOrNan(s0 - grown);
		s1 = expOrNan(s1 - grown);
		s2 = expOrNan(s2 - grown);
		s3 = expOrNan(s3 - grown);
		s4 = expOrNan(s4 - grown);
		s5 = expOrNan(s5 - grown);
		s6 = expOrNan(s6 - grown);
		s7 = expOrNan(s7 - grown);
		s8 = expOrNan(s8 - grown);
		s9 = expOrNan(s9 - grown);
		s10 = expOrNan(s10 - grown);
		s11 = expOrNan(s11 - grown);
		s12 = expOrNan(s12 - grown);
		s13 = expOrNan(s13 - grown);
		s14 = expOrNan(s14 - grown);
		s15 = expOrNan(s15 - grown);
		s16 = expOrNan(s16 - grown);
		s17 = expOrNan(s17 - grown);
		s18 = expOrNan(s18 - grown);
		s19 = expOrNan(s19 - grown);
		s20 = expOrNan(s20 - grown);
		s21 = expOrNan(s21 - grown);
		s22 = expOrNan(s22 - grown);
		s23 = expOrNan(s23 - grown);
		s24 = expOrNan(s24 - grown);
		s25 = expOrNan(s25 - grown);
		s26 = expOrNan(s26 - grown);
		s27 = expOrNan(s27 - grown);
		s28 = expOrNan(s28 - grown);
		s29 = expOrNan(s29 - grown);
		s30 = expOrNan(s30 - grown);
		s31 = expOrNan(s31 - grown);
		total += (s0 + s1) + (s2 + s3);
		total += (s4 + s5) + (s6 + s7);
		total += (s8 + s9) + (s10 + s11);
		total += (s12 + s13) + (s14 + s15);
		total += (s16 + s17) + (s18 + s19);
		total += (s20 + s21) + (s22 + s23);
		total += (s24 + s25) + (s26 + s27);
		total += (s28 + s29) + (s30 + s31);
		let atV = ((batch * keyTiles + t) * width + 128u * part) * 8u + lane;
		for (var i = 0u; i < columns; i += 2u) {
			let at = 8u * i + lane;
			let y0 = v[atV + 8u * i];
			let y1 = v[atV + 8u * i + 8u];
			var sum0 = sofar[at] * factor;
			var sum1 = sofar[at + 8u] * factor;
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
	let nothing = total == vec4(0.0);
	let inverse = select(1.0 / total, vec4(0.0), nothing);
	let logarithm = select(select(largest + log(total), vec4(-lowest), nothing), total, isNan(total));
	let rowsLeft = min(4u, sizes.queries - min(row, sizes.queries));
	let columnsLeft = min(128u, sizes.width - 128u * part);
	for (var i = 0u; i < rowsLeft; i++) {
		let at = batch * sizes.queries + row + i;
		if (part == 0u) { sums[at] = logarithm[i]; }
		for (var j = 0u; j < columnsLeft; j++) {
			out[at * sizes.width + 128u * part + j] = sofar[8u * j + lane][i] * inverse[i];
		}
	}
}
