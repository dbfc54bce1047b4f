// codes[b, p] = k with the probability softmax(logits[b, ·, p] / temperature)[k] among the TOP_K likeliest
// codes, by the inverse of the cumulative distribution; with temperature 0 the likeliest code, the lowest
// index among equals. If keep[b, p] is not 0 the code stays, and the logarithm of its probability
// (temperature 1, of all codes) is added to score[b].
//
// logits    float32 [batch, CODES, POSITIONS]
// place     uint32 [3]: the first and the last position p, and the number of the first image
// keep      uint32 [batch, POSITIONS]
// codes     uint32 [batch, POSITIONS]
// score     float32 [batch]
// settings  temperature, seed
//
// Several positions are computed one after the other from the same logits, so those before the last should
// be kept.
//
// The random number is a hash of seed, position and the image's number, so it does not depend on the batch
// that the image is in. The TOP_K-th largest logit is found bit by bit: floats compare as the integers that
// `ordered` makes of them. All logits that equal it count as well.
//
// A workgroup computes one image; an invocation has neighbouring codes, and the first one adds their sums,
// in order. No features; 512 bytes of workgroup memory.
// Source: pcg3d of Jarzynski & Olano, "Hash functions for GPU rendering", 2020.
// Reference: test/reference/sample_codes.ts, sampleCode

override CODES: u32;
override POSITIONS: u32;
// 0 for all codes.
override TOP_K: u32 = 0;
override RUN = (CODES + 63u) / 64u;

struct Settings { temperature: f32, seed: u32 }

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> place: array<u32>;
@group(0) @binding(2) var<storage, read> keep: array<u32>;
@group(0) @binding(3) var<storage, read_write> codes: array<u32>;
@group(0) @binding(4) var<storage, read_write> score: array<f32>;
@group(0) @binding(5) var<uniform> settings: Settings;

var<workgroup> floats: array<f32, 64>;
var<workgroup> counts: array<u32, 64>;

fn ordered(value: f32) -> u32 {
	// −0 equals 0.
	let bits = bitcast<u32>(select(value, 0.0, value == 0.0));
	return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}

// By its bits, because compilers may assume that no value is NaN.
fn isNan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

// exp(x), and NaN for NaN: on some adapters exp(NaN) is infinity.
fn expOrNan(x: f32) -> f32 { return select(exp(x), x, isNan(x)); }

fn pcg3d(key: vec3<u32>) -> vec3<u32> {
	var v = key * 1664525u + 1013904223u;
	v.x += v.y * v.z;
	v.y += v.z * v.x;
	v.z += v.x * v.y;
	v ^= v >> vec3(16u);
	v.x += v.y * v.z;
	v.y += v.z * v.x;
	v.z += v.x * v.y;
	return v;
}

// One position of one image, by all invocations of its workgroup.
fn sample(image: u32, present: bool, position: u32, lane: u32) {
	let base = image * CODES * POSITIONS + position;
	let first = min(lane * RUN, CODES);
	let end = min(first + RUN, CODES);

	var largest = -3.4028234e38;
	for (var k = first; k < end; k++) { largest = max(largest, logits[base + k * POSITIONS]); }
	floats[lane] = largest;
	workgroupBarrier();
	for (var l = 0u; l < 64u; l++) { largest = max(largest, floats[l]); }
	workgroupBarrier();

	let kept = keep[image * POSITIONS + position] != 0u;
	var threshold = 0u;
	if (TOP_K > 0u) {
		for (var bit = 0u; bit < 32u; bit++) {
			let candidate = threshold | (0x80000000u >> bit);
			var count = 0u;
			for (var k = first; k < end; k++) { count += u32(ordered(logits[base + k * POSITIONS]) >= candidate); }
			counts[lane] = count;
			workgroupBarrier();
			count = 0u;
			for (var l = 0u; l < 64u; l++) { count += counts[l]; }
			if (count >= TOP_K) { threshold = candidate; }
			workgroupBarrier();
		}
	}
	if (settings.temperature == 0.0) { threshold = ordered(largest); }
	if (kept) { threshold = 0u; }
	// With temperature 0 only logits that equal the largest are kept, and exp is 1 for them whatever the
	// factor.
	let sharpness = select(1.0 / max(settings.temperature, 1e-20), 1.0, kept || settings.temperature == 0.0);

	var sum = 0.0;
	for (var k = first; k < end; k++) {
		let logit = logits[base + k * POSITIONS];
		if (ordered(logit) >= threshold) { sum += expOrNan((logit - largest) * sharpness); }
	}
	floats[lane] = sum;
	workgroupBarrier();
	if (lane > 0u || !present) { return; }

	var total = 0.0;
	for (var l = 0u; l < 64u; l++) { total += floats[l]; }
	let at = image * POSITIONS + position;
	if (kept) {
		let logit = logits[base + min(codes[at], CODES - 1u) * POSITIONS];
		score[image] += logit - largest - select(log(total), total, isNan(total));
		return;
	}
	let random = f32(pcg3d(vec3(settings.seed, position, place[2] + image)).x >> 8u) / 16777216.0;
	let goal = select(random * total, 0.0, settings.temperature == 0.0);
	// The run of codes in which the cumulative probability passes the goal; if rounding leaves none, the
	// last run with a probability above 0.
	var run = 0u;
	var before = 0.0;
	var runBefore = 0.0;
	var passed = false;
	for (var l = 0u; l < 64u; l++) {
		if (!passed && floats[l] > 0.0) {
			run = l;
			runBefore = before;
			before += floats[l];
			passed = goal < before;
		}
	}
	// The code in that run.
	var chosen = 0u;
	before = runBefore;
	passed = false;
	let last = min(run * RUN + RUN, CODES);
	for (var k = run * RUN; k < last; k++) {
		let logit = logits[base + k * POSITIONS];
		if (!passed && ordered(logit) >= threshold) {
			let weight = exp((logit - largest) * sharpness);
			if (weight > 0.0) {
				chosen = k;
				before += weight;
				passed = goal < before;
			}
		}
	}
	codes[at] = chosen;
}

@compute @workgroup_size(64)
fn main(
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(num_workgroups) groups: vec3<u32>,
	@builtin(local_invocation_index) lane: u32,
) {
	let batch = arrayLength(&score);
	let workgroup = group.y * groups.x + group.x;
	let image = min(workgroup, batch - 1u);
	for (var position = place[0]; position <= min(place[1], POSITIONS - 1u); position++) {
		sample(image, workgroup < batch, position, lane);
		workgroupBarrier();
	}
}
