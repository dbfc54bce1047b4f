// The page's side of the worker.
import { type Remote, transfer, wrap } from "comlink";
import type { EngineEvent } from "../shared/frames.js";
import type { Engine } from "../worker/worker.js";

const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });

/** The worker's objects; their methods return promises. */
export const engine = wrap<Engine>(worker) as unknown as { readonly [Part in keyof Engine]: Remote<Engine[Part]> };

/** Calls `listener` with what the worker tells. */
export async function listenToEngine(listener: (event: EngineEvent) => void): Promise<void> {
	const { port1, port2 } = new MessageChannel();
	port1.onmessage = ({ data }) => listener(data);
	await engine.session.listen(transfer(port2, [port2]));
}
