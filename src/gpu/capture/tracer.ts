import type { CommandSink } from "../command_sink.js";
import type { CommandStream } from "../command_stream.js";
import type { Storage } from "../storage.js";
import { Trace, type TraceMode } from "./trace.js";

/**
 * Runs steps without doing anything on the GPU. It alone knows whether a step is traced now.
 * @internal
 */
export class Tracer {
	/** The trace of the step that is traced now. */
	private current: Trace | undefined;

	constructor(private readonly stream: CommandStream) {}

	/** Where commands go now. */
	get sink(): CommandSink {
		return this.current ?? this.stream;
	}

	get trace(): Trace | undefined {
		return this.current;
	}

	/** Whether a step is traced that has not allocated this storage. */
	isExternal(storage: Storage): boolean {
		return this.current !== undefined && !this.current.allocated.has(storage);
	}

	/** @throws CaptureError if the step does something that cannot be captured */
	traceStep<T>(step: () => T, mode: TraceMode): { trace: Trace; result: T } {
		this.sink.refuse("captures another step");
		const trace = new Trace(mode);
		this.current = trace;
		try {
			const result = step();
			trace.addStart();
			this.current = undefined;
			trace.close();
			return { trace, result };
		} catch (error) {
			trace.release();
			throw error;
		} finally {
			this.current = undefined;
			trace.undoChanges();
		}
	}

	/** Runs `body` eagerly, also while a step is traced. */
	runEagerly<T>(body: () => T): T {
		const { current } = this;
		this.current = undefined;
		try {
			return body();
		} finally {
			this.current = current;
		}
	}
}
