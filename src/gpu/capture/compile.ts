import type { DeviceParts } from "../device_parts.js";
import { Replay } from "./replay.js";
import { Trace } from "./trace.js";

/**
 * Compiles the kernels of a traced step in parallel, and times their variants on a device that tunes. Releases the trace.
 *
 * @throws ShaderError, DeviceLostError
 * @internal
 */
export async function compileTrace(trace: Trace, parts: DeviceParts): Promise<void> {
	const { wait, pipelines, errors, timer, tuner } = parts;
	try {
		await wait(pipelines.compileAll(trace.pipelines));
		await tuner?.tune(trace, {
			time: (launches) => timer.time(launches),
			buildReplay: (part) => new Replay(part, parts),
			createTrace: () => new Trace("prepare"),
		});
	} catch (error) {
		throw errors.lost ?? error;
	} finally {
		trace.release();
	}
}
