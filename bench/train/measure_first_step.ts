import type { Bench } from "../harness/benchmark.js";
import { measureFirstStep } from "./first_step.js";
import type { TrainRow } from "./measure_step.js";

/** How often the first step is measured, cold and warm, each in a process of its own. */
const runs = { ours: 3, tfjs: 1 } as const;

const measured = new Map<string, ReturnType<typeof measureFirstStep>>();

/** Cold and warm runs come in pairs, so both rows are of one measurement. */
function once(library: "ours" | "tfjs", { options }: Bench): ReturnType<typeof measureFirstStep> {
	const known = measured.get(library) ?? measureFirstStep(library, options.adapter, runs[library]);
	measured.set(library, known);
	return known;
}

/** Measures the time from import to the end of the first step. */
export async function measureFirst(bench: Bench, kind: "cold" | "warm"): Promise<TrainRow> {
	const ours = (await once("ours", bench))[kind];
	const tfjs = bench.options.tfjs ? (await once("tfjs", bench))[kind] : undefined;
	return {
		name: `first-step/${kind}`,
		ours_ms: ours.median,
		ours_quartiles: ours.quartiles,
		ours_runs: ours.runs,
		tfjs_ms: tfjs?.median ?? null,
		tfjs_quartiles: tfjs?.quartiles ?? null,
		tfjs_runs: tfjs?.runs ?? 0,
		ratio: tfjs === undefined ? null : tfjs.median / ours.median,
		gflops: null,
	};
}
