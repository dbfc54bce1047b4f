// out[i] = start (OPERATION 0), start + i · step (1), or 1 if row and column are equal, else 0 (2)
//
// out       float32 (TYPE 0), int32 or uint32 (1), as vectors of 4; for OPERATION 2 [rows, columns]
// settings  start, step: of float32; startWord, stepWord: of integers, modulo 2³²; columns
//
// One invocation computes one vector. The last one may end after the last element. No features, default limits.
// Reference: test/reference/making.ts, arange

struct Settings {
	start: f32,
	step: f32,
	startWord: u32,
	stepWord: u32,
	columns: u32,
}

override OPERATION: u32;
override TYPE: u32;

@group(0) @binding(0) var<storage, read_write> out: array<vec4<u32>>;
@group(0) @binding(1) var<uniform> settings: Settings;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let vector = id.y * groups.x * 64u + id.x;
	if (vector >= arrayLength(&out)) { return; }
	let i = vec4(4u * vector) + vec4(0u, 1u, 2u, 3u);
	if (OPERATION == 0u && TYPE == 0u) { out[vector] = bitcast<vec4<u32>>(vec4(settings.start)); }
	else if (OPERATION == 0u) { out[vector] = vec4(settings.startWord); }
	else if (OPERATION == 1u && TYPE == 0u) {
		out[vector] = bitcast<vec4<u32>>(vec4(settings.start) + vec4<f32>(i) * settings.step);
	} else if (OPERATION == 1u) { out[vector] = vec4(settings.startWord) + i * settings.stepWord; }
	else { out[vector] = select(vec4(0u), vec4(settings.startWord), i / settings.columns == i % settings.columns); }
}
