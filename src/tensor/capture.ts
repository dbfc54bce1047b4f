/// <reference lib="esnext.disposable" preserve="true" />
import type { Capture } from "./tensor.js";
import type { TracedStep } from "./traced_step.js";

/** What `gpu.capture` needs of the device. @internal */
export interface Replayable {
	replay(): void;
	dispose(): void;
}

/** The methods are documented in `Capture`. */
export class ReplayedStep<T> implements Capture<T> {
	readonly result: T;

	constructor(
		private readonly traced: TracedStep<T>,
		private readonly step: Replayable,
	) {
		this.result = traced.result;
	}

	replay(): T {
		this.traced.gradients.check();
		this.step.replay();
		this.traced.gradients.apply();
		return this.result;
	}

	dispose(): void {
		this.traced.disposeResults();
		this.step.dispose();
	}

	[Symbol.dispose](): void {
		this.dispose();
	}
}
