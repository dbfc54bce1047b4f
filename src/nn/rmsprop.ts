import rmspropKernel from "../../kernels/rmsprop.wgsl";
import { checkFlag, checkNumber } from "../base/arguments.js";
import type { Parameter } from "../tensor/tensor.js";
import { checkRates, type Method, Optimizer, type OptimizerOptions, type ParameterOptions } from "./optimizer.js";

export interface RMSpropOptions extends OptimizerOptions {
	/** Learning rate (default 1e-2). */
	readonly lr?: number;
	/** α, the decay rate of the average of squares (default 0.99). */
	readonly alpha?: number;
	/** ε, added to the denominator (default 1e-8). */
	readonly eps?: number;
	/** The weight of earlier updates (default 0). */
	readonly momentum?: number;
	/** Whether the gradients' variance divides them, not their average square (default false). */
	readonly centered?: boolean;
}

function checkRMSpropOptions(caller: string, options: RMSpropOptions): void {
	const { alpha, eps, momentum, centered } = options;
	checkRates(caller, options);
	if (alpha !== undefined) checkNumber(caller, "alpha", alpha, { least: 0, below: 1 });
	if (eps !== undefined) checkNumber(caller, "eps", eps, { above: 0 });
	if (momentum !== undefined) checkNumber(caller, "momentum", momentum, { least: 0 });
	if (centered !== undefined) checkFlag(caller, "centered", centered);
}

const method: Method<RMSpropOptions> = {
	kernel: rmspropKernel,
	defaults: { lr: 1e-2, alpha: 0.99, eps: 1e-8, momentum: 0, centered: false, weightDecay: 0 },
	check: checkRMSpropOptions,
	moments: ({ momentum, centered }) => [
		"square_avg",
		...(momentum > 0 ? ["momentum_buffer"] : []),
		...(centered ? ["grad_avg"] : []),
	],
	constants: ({ momentum, centered }, apart) => ({
		MOMENTUM: momentum > 0 ? 1 : 0,
		CENTERED: centered ? 1 : 0,
		APART: apart ? 1 : 0,
	}),
	settings: ({ lr, alpha, eps, momentum, weightDecay }) => ({
		lr,
		alpha,
		complement: 1 - alpha,
		epsilon: eps,
		momentum,
		penalty: weightDecay,
	}),
};

/**
 * RMSprop (Tieleman & Hinton, 2012), with the defaults and the arithmetic of torch.optim.RMSprop. Weight decay is
 * added to the gradient.
 */
export class RMSprop extends Optimizer<RMSpropOptions> {
	static override readonly name: string = "RMSprop";

	/**
	 * @param parameters parameters, or groups { params, ...options } of them
	 * @throws ArgumentError if there are no parameters or an option is out of range, DeviceMismatchError
	 */
	constructor(
		parameters: readonly Parameter[] | readonly ParameterOptions<RMSpropOptions>[],
		options: RMSpropOptions = {},
	) {
		super(method, parameters, options);
	}
}
