// The page's side of the worker.
import { type Remote, transfer, wrap } from "comlink";
import type { EngineEvent } from "../shared/frames.js";
import type { Engine } from "../worker/worker.js";

const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });

/** The worker has failed: its script could not be loaded, or it did not catch an error. */
class WorkerError extends Error {
	override readonly name = "WorkerError";
}

/** Never fulfilled; rejected when the worker fails. */
export const workerFailure = new Promise<never>((_, reject) => {
	worker.addEventListener("error", ({ message }) =>
		reject(new WorkerError(message || "the script of the page's worker could not be loaded")),
	);
});

/** The worker's objects; their methods return promises. */
export const engine = wrap<Engine>(worker) as unknown as { readonly [Part in keyof Engine]: Remote<Engine[Part]> };

/** Calls `listener` with each event of the worker. */
export async function listenToEngine(listener: (event: EngineEvent) => void): Promise<void> {
	const { port1, port2 } = new MessageChannel();
	port1.onmessage = ({ data }) => listener(data);
	await Promise.race([engine.session.listen(transfer(port2, [port2])), workerFailure]);
}
