import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { AdapterChoice } from "tessera-gpu";
import { type Spread, spreadOf } from "../harness/statistics.js";

const run = promisify(execFile);
const script = fileURLToPath(new URL("first_step.js", import.meta.url));

/** From the first import to the end of the first step, without and with the driver's cache of compiled shaders. */
export interface FirstStep {
	readonly cold: Spread;
	readonly warm: Spread;
}

/** Measures the first step in processes of their own, each pair of them with a fresh folder for the driver's cache. */
export async function measureFirstStep(
	library: "ours" | "tfjs",
	adapter: AdapterChoice | undefined,
	runs: number,
): Promise<FirstStep> {
	const times = { cold: [] as number[], warm: [] as number[] };
	for (let i = 0; i < runs; i++) {
		const cache = await mkdtemp(join(tmpdir(), "tessera-bench-"));
		try {
			const env = {
				...process.env,
				...(adapter !== undefined && { TESSERA_ADAPTER: adapter }),
				MESA_SHADER_CACHE_DIR: cache,
				__GL_SHADER_DISK_CACHE_PATH: cache,
			};
			for (const kind of ["cold", "warm"] as const) {
				const { stdout } = await run(process.execPath, [script, library], { env });
				times[kind].push(Number(stdout.trim().split("\n").at(-1)));
			}
		} finally {
			await rm(cache, { recursive: true, force: true });
		}
	}
	return { cold: spreadOf(times.cold), warm: spreadOf(times.warm) };
}
