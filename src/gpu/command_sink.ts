import type { Pipeline } from "./pipelines.js";
import type { Storage } from "./storage.js";

/**
 * Where the commands of operations go: to the GPU (`CommandStream`), or into the trace of a step that is captured (`Trace`).
 * @internal
 */
export interface CommandSink {
	allocate(bytes: number): Storage;
	/** Copies host data into a storage, before the commands that are encoded later. */
	write(storage: Storage, data: ArrayBufferView): void;
	copy(from: Storage, to: Storage): void;
	/** @param storages the buffers of all bindings, uniforms too */
	dispatch(pipeline: Pipeline, storages: readonly Storage[], x: number, y: number): void;
	/** Calls `upload` now; in a trace before each replay instead. */
	feed(storage: Storage, upload: () => void): void;
	/** @throws CaptureError in a trace, saying that the step does something that cannot be captured */
	refuse(what: string): void;
}
