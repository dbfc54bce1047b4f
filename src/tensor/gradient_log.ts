import { CaptureError } from "../base/errors.js";
import { formatShape } from "../base/shape.js";
import type { GradientObserver, Parameter, Tensor } from "./tensor.js";

/**
 * How a traced step changes the gradients of parameters, which are objects on the host. They change while it is traced, are
 * restored when it ends, and each replay makes the same changes.
 * @internal
 */
export class GradientLog implements GradientObserver {
	/** The gradients that the step read before it replaced them. */
	private readonly found = new Map<Parameter, Tensor | null>();
	/** The gradients before the step replaced them. */
	private readonly before = new Map<Parameter, Tensor | null>();
	/** The gradients at the end of the step, of the parameters whose gradient it replaced. */
	private readonly after = new Map<Parameter, Tensor | null>();

	/** The step reads a gradient. */
	read(parameter: Parameter, gradient: Tensor | null): void {
		if (!this.before.has(parameter)) this.found.set(parameter, gradient);
	}

	/** The step replaces a gradient; true if the old one must be kept for `restore`. */
	replace(parameter: Parameter, gradient: Tensor | null): boolean {
		if (this.before.has(parameter)) return false;
		this.before.set(parameter, gradient);
		return true;
	}

	/** Gives the parameters the gradients that they had before the step. */
	restore(): void {
		for (const [parameter, gradient] of this.before) this.after.set(parameter, parameter.exchangeGrad(gradient));
	}

	/** While the step is traced: the gradients that it has set. */
	get current(): Tensor[] {
		return [...this.before.keys()].filter(({ hasGrad }) => hasGrad).map(({ grad }) => grad);
	}

	/** After `restore`: the gradients that the step has set. */
	get results(): Tensor[] {
		return [...this.after.values()].filter((gradient) => gradient !== null);
	}

	/** @throws CaptureError if a parameter does not have the gradient that the step was traced with */
	check(): void {
		for (const [parameter, gradient] of this.found)
			if ((parameter.hasGrad ? parameter.grad : null) !== gradient)
				throw new CaptureError(
					`captured.replay: the step adds to the gradient of the parameter of shape ${formatShape(parameter.shape)}, which had ${gradient === null ? "none" : "another one"} when it was captured. Call zeroGrad() in the step, before backward().`,
				);
	}

	/** Changes the parameters' gradients as the step does. */
	apply(): void {
		for (const [parameter, gradient] of this.after)
			if (gradient === null) parameter.zeroGrad();
			else if (!parameter.hasGrad || parameter.grad.memory() !== gradient.memory()) parameter.setGrad(gradient.share());
	}

	/** Frees the gradients that the step has set. */
	dispose(): void {
		for (const gradient of this.results) gradient.dispose();
	}
}
