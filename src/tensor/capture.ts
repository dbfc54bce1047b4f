/// <reference lib="esnext.disposable" preserve="true" />
import { CaptureError } from "../base/errors.js";
import { formatShape } from "../base/shape.js";
import type { Capture, GradientObserver, Parameter, Tensor } from "./tensor.js";

/**
 * What a recorded step does to the gradients of parameters, which live on the host: while it is recorded they change, at
 * its end all is as before, and each replay then makes the same changes for good.
 * @internal
 */
export class GradientLog implements GradientObserver {
	/** The gradients that the step found, where it looked before it set or forgot them. */
	private readonly found = new Map<Parameter, Tensor | null>();
	/** What the parameters had before the step changed it. */
	private readonly before = new Map<Parameter, Tensor | null>();
	/** What the step leaves. */
	private readonly left = new Map<Parameter, Tensor | null>();

	/** The step looks at a gradient. */
	read(parameter: Parameter, gradient: Tensor | null): void {
		if (!this.before.has(parameter)) this.found.set(parameter, gradient);
	}

	/** The step replaces a gradient; true where the old one must stay for `restore`. */
	replace(parameter: Parameter, gradient: Tensor | null): boolean {
		if (this.before.has(parameter)) return false;
		this.before.set(parameter, gradient);
		return true;
	}

	/** Gives the parameters back the gradients that they had. */
	restore(): void {
		for (const [parameter, gradient] of this.before) this.left.set(parameter, parameter.exchangeGrad(gradient));
	}

	/** The gradients that the parameters have now, of those whose gradient the step has changed. */
	get current(): Tensor[] {
		return [...this.before.keys()].filter(({ hasGrad }) => hasGrad).map(({ grad }) => grad);
	}

	/** The gradients that the step leaves. */
	get made(): Tensor[] {
		return [...this.left.values()].filter((gradient) => gradient !== null);
	}

	/** @throws CaptureError where a parameter does not have the gradient that the step was recorded with. */
	check(): void {
		for (const [parameter, gradient] of this.found)
			if ((parameter.hasGrad ? parameter.grad : null) !== gradient)
				throw new CaptureError(
					`The captured step was recorded with ${gradient === null ? "no" : "another"} gradient of the parameter of shape ${formatShape(parameter.shape)}, to which it adds. Call zeroGrad() in the step, before backward().`,
				);
	}

	/** Changes the parameters' gradients as the step does. */
	apply(): void {
		for (const [parameter, gradient] of this.left)
			if (gradient === null) parameter.zeroGrad();
			else if (!parameter.hasGrad || parameter.grad.memory() !== gradient.memory()) parameter.setGrad(gradient.share());
	}

	/** Frees the gradients that the step has left. */
	dispose(): void {
		for (const gradient of this.made) gradient.dispose();
	}
}

/** What `gpu.capture` needs of the device. @internal */
export interface Replayable {
	replay(): void;
	dispose(): void;
}

/** The methods are documented in `Capture`. */
export class ReplayedStep<T> implements Capture<T> {
	constructor(
		readonly result: T,
		private readonly tensors: readonly { dispose(): void }[],
		private readonly gradients: GradientLog,
		private readonly step: Replayable,
	) {}

	replay(): T {
		this.gradients.check();
		this.step.replay();
		this.gradients.apply();
		return this.result;
	}

	dispose(): void {
		for (const tensor of this.tensors) tensor.dispose();
		this.gradients.dispose();
		this.step.dispose();
	}

	[Symbol.dispose](): void {
		this.dispose();
	}
}
