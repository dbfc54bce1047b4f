import { CaptureError } from "../base/errors.js";
import type { Trace } from "../gpu/capture/trace.js";
import type { GradientLog } from "./gradient_log.js";
import type { AnyTensor } from "./tensor.js";
import { tensorsIn } from "./tensors_in.js";

/**
 * A step that was traced: its commands, what it returned, and how it changes the gradients of parameters.
 * @internal
 */
export class TracedStep<T> {
	/** The tensors that the step made and returned. */
	readonly tensors: readonly AnyTensor[];

	constructor(
		readonly trace: Trace,
		readonly result: T,
		readonly gradients: GradientLog,
	) {
		this.tensors = [...tensorsIn(result)].filter(
			(tensor) => !tensor.isDisposed && trace.allocated.has(tensor.memory()),
		);
	}

	/** @throws CaptureError if the step leaves a tensor alive that it does not return, and that is no gradient */
	checkResults(): void {
		const { trace } = this;
		const known = new Set([...this.tensors, ...this.gradients.results].map((tensor) => tensor.memory()));
		const unknown = trace.alive.find((storage) => !known.has(storage));
		if (unknown !== undefined)
			throw new CaptureError(
				`gpu.capture: the step leaves a tensor of ${unknown.bytes} bytes alive that it does not return (${trace.positionOf(unknown)}). Return it, or make it before the step.`,
			);
	}

	/** Frees the tensors and gradients that the step made. */
	disposeResults(): void {
		for (const tensor of this.tensors) tensor.dispose();
		this.gradients.dispose();
	}

	dispose(): void {
		this.disposeResults();
		this.trace.release();
	}
}
