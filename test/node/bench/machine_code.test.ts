import { relu, scale, sum } from "tessera-gpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { changesOf, parseMachineCodeReport } from "../../../bench/machine_code/compare.js";
import { parseDriverOutput, pipelineMarker } from "../../../bench/machine_code/driver_output.js";
import { hotCode, mixOf } from "../../../bench/machine_code/instruction_mix.js";
import { launchesOf, workgroupSizeOf } from "../../../bench/machine_code/launches.js";
import { cardReport, codeFile, pipelineText } from "../../../bench/machine_code/report.js";
import { workloadsOf } from "../../../bench/machine_code/workloads.js";
import { device } from "../../support.js";

const test = suite("machine code");

/**
 * navi31 (RDNA 3), subgroups of 32: the end of a loop over vec4 loads, with instructions that are issued in
 * pairs.
 */
const navi31 = `BB0:
	v_dual_mov_b32 v5, 0 :: v_dual_mov_b32 v4, 0                ; ca100080 05040080
	s_nop 0                                                     ; bf800000
	(then repeated 3 times)
BB1:
	s_waitcnt lgkmcnt(0)                                        ; bf89fc07
	s_cmp_ge_u32 s5, s1                                         ; bf090105
	s_cbranch_scc1 BB8                                          ; bfa2002a
BB4:
	s_load_b128 s[8:11], s[2:3], 0x10                           ; f4080201 f8000010
	v_lshl_add_u32 v1, s5, 6, v0                                ; d6460001 04010c05
	s_delay_alu instid0(VALU_DEP_2)                             ; bf870002
	s_clause 0x1                                                ; bf850001
	buffer_load_b128 v[20:23], v1, s[8:11], 0 offen             ; e05c0000 80421401
	buffer_load_b128 v[24:27], v2, s[8:11], 0 offen offset:112  ; e05c0070 80421802
	s_waitcnt vmcnt(0)                                          ; bf8903f7
	v_dual_fmac_f32 v19, v27, v23 :: v_dual_fmac_f32 v14, v26, v22 ; c8002f1b 130e2d1a
	v_fmac_f32_e32 v4, v24, v20                                 ; 56082918
	s_cbranch_scc1 BB8                                          ; bfa20002
BB7:
	s_add_u32 s5, s5, 1                                         ; 80058105
	s_branch BB1                                                ; bfa0ffd3
BB8:
	buffer_store_b128 v[4:7], v0, s[0:3], 0 offen               ; e0740000 80400400
	s_endpgm                                                    ; bfb00000
`;

/** navi21 (RDNA 2): the same. */
const navi21 = `BB1:
	s_waitcnt lgkmcnt(0)                                        ; bf8cc07f
	s_cmp_ge_u32 s5, s1                                         ; bf090105
	s_cbranch_scc1 BB8                                          ; bf850027
BB4:
	s_load_dwordx4 s[8:11], s[2:3], 0x10                        ; f4080201 fa000010
	v_lshl_add_u32 v1, s5, 6, v0                                ; d7460001 04010c05
	buffer_load_dwordx4 v[20:23], v1, s[8:11], 0 offen          ; e0381000 80021401
	s_waitcnt vmcnt(0)                                          ; bf8c3f70
	v_fmac_f32_e32 v8, v24, v21                                 ; 56102b18
	v_fmac_f32_e32 v9, v25, v21                                 ; 56122b19
	s_branch BB1                                                ; bf82ffd6
BB8:
	s_endpgm                                                    ; bf810000
`;

/** vega10 (GCN): the loop of a matrix product. */
const vega10 = `BB2:
	s_cmp_eq_i32 s1, 0                                          ; bf008001
	s_cbranch_scc1 BB6                                          ; bf850062
BB5:
	s_load_dwordx4 s[36:39], s[2:3], 0x10                       ; c00a0901 00000010
	v_add_lshl_u32 v40, s1, v2, 2                               ; d1fe0028 020a0401
	s_waitcnt lgkmcnt(0)                                        ; bf8cc07f
	buffer_load_dword v40, v40, s[36:39], 0 offen               ; e0501000 80092828
	buffer_load_dword v41, v41, s[36:39], 0 offen               ; e0501000 80092929
	s_buffer_load_dword s11, s[36:39], s11                      ; c02002d2 0000000b
	s_waitcnt vmcnt(3) lgkmcnt(0)                               ; bf8c0073
	v_mac_f32_e32 v11, s11, v40                                 ; 2c16500b
	s_waitcnt vmcnt(2)                                          ; bf8c3f72
	v_mac_f32_e32 v15, s11, v41                                 ; 2c1e520b
	s_branch BB2                                                ; bf82ff99
BB6:
	buffer_store_dword v23, v1, s[4:7], 0 offen                 ; e0701000 80011701
	s_endpgm                                                    ; bf810000
`;

const statistics = `

Compute Shader:
*** SHADER STATS ***
Driver pipeline hash: 17362077959364556382
SGPRs: 128
VGPRs: 48
Spilled SGPRs: 1
Spilled VGPRs: 2
Code size: 2092
LDS size: 512
Scratch size: 0
Subgroups per SIMD: 32
Pre-Sched VGPRs: 44
********************


`;

function instructions(text: string): string[] {
	return text.split("\n").map((line) => line.replace(/\s*;.*/, "").trim());
}

function printed(kernel: string, constants: Readonly<Record<string, number>>, code: string): string {
	return `${pipelineMarker(kernel, constants)}Compute Shader\ndisasm:\n${code}${statistics}`;
}

const output = `DRM_IOCTL_GET_CAP: unhandled 0x10
Compute Shader
disasm:
BB0:
	s_endpgm                                                    ; bfb00000
${statistics}${printed("matmul.wgsl", {}, navi31)}${printed("sum.wgsl", { OUTPUTS: 64, LANES: 1 }, navi21)}Compute Shader
disasm:
BB0:
	v_fmac_f32_e32 v4, v24, v20                                 ; 56082918
${statistics}`;

test("the driver's output is split into pipelines, without the driver's own shaders", () => {
	const [first, second, ...more] = parseDriverOutput(output);
	assert.is(more.length, 0);
	const { code, ...rest } = first;
	assert.equal(rest, {
		kernel: "matmul.wgsl",
		constants: {},
		vgprs: 48,
		sgprs: 128,
		waves: 32,
		spilled: 3,
		ldsBytes: 512,
		codeBytes: 2092,
	});
	assert.equal(code.slice(0, 2), ["BB0:", "v_dual_mov_b32 v5, 0 :: v_dual_mov_b32 v4, 0"]);
	assert.is(code.at(-1), "s_endpgm");
	assert.is(pipelineText(second), "sum.wgsl OUTPUTS=64 LANES=1");
	assert.is(second.code.at(-1), "s_endpgm");
	assert.throws(() => parseDriverOutput(pipelineMarker("relu.wgsl", {})), /no machine code for relu\.wgsl/);
	const short = `${pipelineMarker("relu.wgsl", {})}BB0:\n\ts_endpgm\nVGPRs: 4\n********************\n`;
	assert.is(parseDriverOutput(short)[0].waves, null);
	assert.throws(() => parseDriverOutput(short.replace(/\*/g, "")), /no machine code for relu\.wgsl/);
});

test("the loop of RDNA 3: an instruction that computes two multiply-adds counts twice", () => {
	assert.equal(hotCode(instructions(navi31)), {
		part: "loop",
		mix: {
			multiplyAdds: 3,
			otherVector: 1,
			globalLoads: 2,
			globalStores: 0,
			localMemory: 0,
			scalarLoads: 1,
			scalarAlu: 2,
			branches: 3,
			loadWaits: 1,
		},
	});
});

test("the loops of RDNA 2 and GCN", () => {
	const none = { globalStores: 0, localMemory: 0 };
	assert.equal(hotCode(instructions(navi21)), {
		part: "loop",
		mix: {
			...none,
			multiplyAdds: 2,
			otherVector: 1,
			globalLoads: 1,
			scalarLoads: 1,
			scalarAlu: 1,
			branches: 2,
			loadWaits: 1,
		},
	});
	assert.equal(hotCode(instructions(vega10)), {
		part: "loop",
		mix: {
			...none,
			multiplyAdds: 2,
			otherVector: 1,
			globalLoads: 2,
			scalarLoads: 2,
			scalarAlu: 1,
			branches: 2,
			loadWaits: 2,
		},
	});
});

test("kinds of instructions", () => {
	const kindsOf = (line: string) => Object.entries(mixOf([line])).filter(([, count]) => count > 0);
	const multiplyAdds = [
		["v_fma_f32 v1, v2, v3, v4", 1],
		["v_pk_fma_f32 v[0:1], v[2:3], v[4:5], v[6:7]", 2],
		["v_pk_fma_f16 v1, v2, v3, v4", 2],
		["v_mad_f32 v1, v2, v3, v4", 1],
		["v_fmaak_f32 v1, v2, v3, 0x40490fdb", 1],
		["v_dual_fmac_f32 v19, v27, v23 :: v_dual_fmac_f32 v14, v26, v22", 2],
	] as const;
	for (const [line, count] of multiplyAdds) assert.equal(kindsOf(line), [["multiplyAdds", count]], line);
	assert.equal(kindsOf("v_dual_mov_b32 v5, 0 :: v_dual_fmac_f32 v14, v26, v22"), [
		["multiplyAdds", 1],
		["otherVector", 1],
	]);
	for (const line of ["v_mad_u32_u24 v1, v2, v3, v4", "v_mul_f32_e32 v1, v2, v3", "v_add_lshl_u32 v0, s27, v7, 2"])
		assert.equal(kindsOf(line), [["otherVector", 1]], line);
	assert.equal(kindsOf("global_load_b128 v[0:3], v4, s[2:3]"), [["globalLoads", 1]]);
	assert.equal(kindsOf("buffer_store_b32 v39, v0, s[4:7], 0 offen"), [["globalStores", 1]]);
	assert.equal(kindsOf("ds_load_b128 v[0:3], v4"), [["localMemory", 1]]);
	for (const line of [
		"s_waitcnt lgkmcnt(0)",
		"s_waitcnt_vscnt null, 0x0",
		"s_waitcnt_depctr 0xfff",
		"BB4:",
		"s_barrier",
	])
		assert.equal(kindsOf(line), [], line);
});

test("the innermost loop with the most multiply-adds is found, or none", () => {
	const nested = ["BB1:", "v_fma_f32", "v_fma_f32", "BB2:", "v_fma_f32", "s_cbranch_scc1 BB2", "s_branch BB1"];
	assert.is(hotCode(nested).mix.multiplyAdds, 1);
	const two = [...nested, "BB3:", "v_fma_f32", "v_fma_f32", "s_cbranch_execnz BB3"];
	assert.is(hotCode(two).mix.multiplyAdds, 2);
	const unrolled = hotCode(["BB0:", "v_fma_f32", "v_fma_f32", "BB1:", "v_mov_b32", "s_cbranch_scc1 BB1"]);
	assert.is(unrolled.part, "no loop");
	assert.is(unrolled.mix.multiplyAdds, 2);
	const copies = hotCode(["BB0:", "v_mov_b32", "BB1:", "global_load_b32 v0", "s_cbranch_scc1 BB1"]);
	assert.equal([copies.part, copies.mix.otherVector, copies.mix.globalLoads], ["loop", 0, 1]);
	assert.is(hotCode(["v_mov_b32", "s_endpgm"]).part, "no loop");
});

test("the size of a workgroup has the values of its constants", () => {
	const kernel = (text: string) => ({ name: "x.wgsl", source: `${text} fn main() {}` });
	assert.is(workgroupSizeOf(kernel("@compute @workgroup_size(64)"), {}), 64);
	assert.is(workgroupSizeOf(kernel("override A: u32; @workgroup_size(A, B, 2,)"), { A: 8, B: 4 }), 64);
	assert.is(workgroupSizeOf(kernel("override A: u32 = 16u; const B = 2; @workgroup_size(A, B)"), {}), 32);
	assert.throws(
		() => workgroupSizeOf(kernel("override A: u32; @workgroup_size(A)"), {}),
		/x\.wgsl: @workgroup_size\(A\)/,
	);
});

test("launches that are alike are counted", async () => {
	const gpu = await device();
	using x = gpu.tensor(new Float32Array(64), [64]);
	const launches = launchesOf(gpu, () => {
		relu(relu(x));
		scale(x, 2);
		sum(x);
	});
	assert.equal(
		launches.map(({ kernel, times }) => [kernel, times]),
		[
			["relu.wgsl", 2],
			["scale.wgsl", 1],
			["sum.wgsl", 1],
		],
	);
	for (const { workgroups, workgroupSize } of launches) assert.ok(workgroups * workgroupSize >= 1);
});

const launched = { constants: {}, times: 1, workgroups: 98, workgroupSize: 64, flops: 2e6 };
const child = {
	device: "amd-radeon-rx-7900-xtx-radv-navi31-",
	driver: "radv: Mesa 25.0.7",
	workloads: [{ name: "step-128", dispatches: 3, launches: [{ kernel: "matmul.wgsl", ...launched }] }],
};

test("a report has the pipelines that are launched, of the kernels that are wanted", () => {
	const { report, compiled } = cardReport("navi31", child, output);
	assert.equal(compiled.map(pipelineText), ["matmul.wgsl"]);
	assert.equal(report.pipelines.map(pipelineText), ["matmul.wgsl"]);
	assert.not.ok("code" in report.pipelines[0]);
	assert.throws(() => cardReport("navi31", child, ""), /no machine code for matmul\.wgsl/);
	const none = cardReport("navi31", child, output, "conv");
	assert.is(none.compiled.length, 0);
	assert.equal(none.report.workloads[0].launches, []);
	assert.is(
		codeFile("navi31", { kernel: "sum.wgsl", constants: { OUTPUTS: 64, LANES: 1 } }),
		"navi31.sum.OUTPUTS=64,LANES=1.s",
	);
	assert.is(codeFile("vega10", { kernel: "relu.wgsl", constants: {} }), "vega10.relu.s");
});

test("what changed since an earlier report", () => {
	const { report } = cardReport("navi31", child, output);
	assert.equal(changesOf(report, report), []);
	const [pipeline] = report.pipelines;
	const now = {
		...report,
		pipelines: [
			{ ...pipeline, vgprs: 64, waves: 24 },
			{ ...pipeline, kernel: "relu.wgsl" },
		],
		workloads: [
			{
				name: "step-128",
				dispatches: 4,
				launches: [
					{ ...launched, kernel: "matmul.wgsl", times: 2, workgroups: 49 },
					{ ...launched, kernel: "matmul.wgsl" },
				],
			},
			{ name: "enc1/forward", dispatches: 1, launches: [] },
		],
	};
	assert.equal(changesOf(report, now), [
		"matmul.wgsl: VGPRs 48 → 64, waves 32 → 24",
		"relu.wgsl: new",
		"step-128: dispatches 3 → 4",
		"step-128, matmul.wgsl: launches 1 → 3, workgroups 98 → 2 × 49 + 98, MFLOP 2.00 → 2 × 2.00 + 2.00",
		"enc1/forward: new",
	]);
	assert.ok(changesOf(now, report).includes("relu.wgsl: gone"));
	for (const wrong of ["{", "[]", "null", '{ "benchmark": "conv" }', '{ "benchmark": "machine-code" }'])
		assert.throws(() => parseMachineCodeReport(wrong, "old.json"), /"old\.json" is not a report/, wrong);
});

test("workloads and their names", () => {
	const names = (choice: Parameters<typeof workloadsOf>[0]) => workloadsOf(choice).map(({ name }) => name);
	assert.equal(names({ workload: "step" }), ["step-128"]);
	assert.equal(names({ workload: "matmul", size: [[2, 3, 4]] }), ["matmul/2x3x4"]);
	assert.equal(names({ workload: "conv2d", only: "enc2/f" }), ["enc2/forward"]);
	assert.is(names({ workload: "conv2d" }).length, 24);
	assert.throws(() => names({ workload: "conv2d", only: "x" }), /No layer and direction has "x".*enc1\/forward/);
});

test("each workload can be launched", async () => {
	const gpu = await device();
	const choices = [
		{ workload: "matmul", size: [[2, 3, 4]] },
		{ workload: "nearestCode", size: [[6, 5, 4]] },
		{ workload: "conv2d", only: "enc3" },
	] as const;
	for (const choice of choices)
		for (const { name, prepare } of workloadsOf(choice))
			gpu.scope(() => assert.ok(launchesOf(gpu, prepare(gpu)).length > 0, name));
});

test.run();
