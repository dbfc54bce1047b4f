import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { AdapterChoice } from "tessera-gpu";
import type { Bench } from "../harness/benchmark.js";
import { type Spread, spreadOf } from "../harness/statistics.js";
import { timesOf } from "../harness/times.js";
import type { TrainRow } from "./measure_step.js";

const execute = promisify(execFile);
const script = fileURLToPath(new URL("first_step_process.js", import.meta.url));

/** How often the first step is measured, cold and warm, each in a process of its own. */
const runs = { ours: 3, tfjs: 1, "jax-js": 1 } as const;

type LibraryName = keyof typeof runs;

/** From the first import to the end of the first step, without and with the driver's cache of compiled shaders. */
interface FirstStep {
	readonly cold: Spread;
	readonly warm: Spread;
}

/** Runs each pair of processes, cold and warm, with a fresh folder for the driver's cache. */
async function runProcesses(library: LibraryName, adapter: AdapterChoice | undefined): Promise<FirstStep> {
	const times = { cold: [] as number[], warm: [] as number[] };
	for (let i = 0; i < runs[library]; i++) {
		const cache = await mkdtemp(join(tmpdir(), "tessera-bench-"));
		try {
			const env = {
				...process.env,
				...(adapter !== undefined && { TESSERA_ADAPTER: adapter }),
				MESA_SHADER_CACHE_DIR: cache,
				__GL_SHADER_DISK_CACHE_PATH: cache,
			};
			for (const kind of ["cold", "warm"] as const) {
				const { stdout } = await execute(process.execPath, [script, library], { env });
				times[kind].push(Number(stdout.trim().split("\n").at(-1)));
			}
		} finally {
			await rm(cache, { recursive: true, force: true });
		}
	}
	return { cold: spreadOf(times.cold), warm: spreadOf(times.warm) };
}

const measured = new Map<LibraryName, Promise<FirstStep>>();

/** One measurement for both rows, because cold and warm runs come in pairs. */
function measuredOnce(library: LibraryName, { options }: Bench): Promise<FirstStep> {
	const known = measured.get(library) ?? runProcesses(library, options.adapter);
	measured.set(library, known);
	return known;
}

/** Measures the time from import to the end of the first step. */
export async function measureFirstStep(bench: Bench, kind: "cold" | "warm"): Promise<TrainRow> {
	const libraries: readonly LibraryName[] = bench.options.tfjs ? ["ours", "tfjs", "jax-js"] : ["ours"];
	const results = new Map<LibraryName, Spread>();
	for (const library of libraries) results.set(library, (await measuredOnce(library, bench))[kind]);
	return { name: `first-step/${kind}`, ...timesOf(results), gflops: null };
}
