import { defineBenchmark } from "../harness/benchmark.js";
import { bytes, digits } from "../harness/format.js";
import type { Size } from "../harness/options.js";
import { type ArgminRow, measureArgmin } from "./measure.js";

/** Rows, codes and dimensions; the first is a training step of the reference network. */
const sizes = [
	[6272, 128, 16],
	[50176, 512, 64],
	[65536, 1024, 64],
	[16384, 8192, 32],
	[262144, 16, 8],
	[1000, 1000, 100],
] as const satisfies readonly Size[];

function describeStage({ kernel, stage, ms, launches }: ArgminRow["stages"][number]): string {
	return `${stage} ${digits(ms)} (${kernel}${launches > 1 ? `, ${launches} launches` : ""})`;
}

export const argmin = defineBenchmark<ArgminRow>({
	name: "argmin",
	description: "nearestCode over sizes N×K×D, against tfjs and jax-js on the same device",
	sized: true,
	tasks: (_, { size = sizes }) =>
		size.map(([rows, codes, dimensions]) => ({
			name: `${rows}x${codes}x${dimensions}`,
			measure: (bench) => measureArgmin(bench, { rows, codes, dimensions }),
		})),
	columns: [
		["GPU ms", ({ ours_gpu_ms }) => digits(ours_gpu_ms)],
		["extra memory", ({ extra_bytes }) => bytes(extra_bytes)],
		["tfjs's", ({ tfjs_extra_bytes }) => bytes(tfjs_extra_bytes)],
		["tfjs lean ms", ({ tfjs_lean_ms }) => digits(tfjs_lean_ms)],
		["ties", ({ ties }) => (ties === null ? "–" : `${ties}`)],
		["mismatches", ({ mismatches }) => (mismatches === null ? "–" : `${mismatches}`)],
	],
	footer: (rows) =>
		[
			"\nStages on the GPU, ms:",
			...rows.map(({ name, stages }) => `  ${name.padEnd(16)} ${stages.map(describeStage).join(", ")}`),
		].join("\n"),
});
