import adamKernel from "../../kernels/adam.wgsl";
import { checkNumber, checkNumbers, wrongArgument } from "../base/arguments.js";
import type { Parameter } from "../tensor/tensor.js";
import { checkRates, type Method, Optimizer, type OptimizerOptions, type ParameterOptions } from "./optimizer.js";

export interface AdamOptions extends OptimizerOptions {
	/** Learning rate (default 1e-3). */
	readonly lr?: number;
	/** β₁ and β₂, the decay rates of the two moments (default [0.9, 0.999]). */
	readonly betas?: readonly [number, number];
	/** ε, added to the denominator (default 1e-8). */
	readonly eps?: number;
}

/** The names of the options. */
export const adamOptions = ["lr", "betas", "eps", "weightDecay"] as const satisfies readonly (keyof AdamOptions)[];

/** @throws ArgumentError if one is out of range */
export function checkAdamOptions(caller: string, options: AdamOptions): void {
	const { betas, eps } = options;
	checkRates(caller, options);
	if (betas !== undefined && checkNumbers(caller, "betas", betas, { least: 0, below: 1 }).length !== 2)
		throw wrongArgument(caller, "betas", "two numbers: [beta1, beta2]", betas);
	if (eps !== undefined) checkNumber(caller, "eps", eps, { above: 0 });
}

/** @param decoupled whether weight decay multiplies the weights instead of adding to the gradient */
function adamMethod(weightDecay: number, decoupled: boolean): Method<AdamOptions> {
	return {
		kernel: adamKernel,
		defaults: { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay },
		check: checkAdamOptions,
		moments: () => ["exp_avg", "exp_avg_sq"],
		constants: (_, apart) => ({ SECOND_IN_W1: apart ? 1 : 0 }),
		settings: ({ lr, betas: [beta1, beta2], eps, weightDecay }, step) => ({
			beta1,
			complement1: 1 - beta1,
			beta2,
			complement2: 1 - beta2,
			epsilon: eps,
			stepSize: lr / (1 - beta1 ** step),
			rootCorrection: 1 / Math.sqrt(1 - beta2 ** step),
			shrink: decoupled ? 1 - lr * weightDecay : 1,
			penalty: decoupled ? 0 : weightDecay,
		}),
	};
}

/**
 * Adam (Kingma & Ba, "Adam: a method for stochastic optimization", 2015), with the defaults and the
 * arithmetic of torch.optim.Adam. Weight decay is added to the gradient.
 *
 * @example
 * const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
 * gpu.scope(() => {
 * 	const loss = mseLoss(model.forward(x), target);
 * 	optimizer.zeroGrad();
 * 	backward(loss);
 * 	optimizer.step();
 * });
 */
export class Adam extends Optimizer<AdamOptions> {
	static override readonly name: string = "Adam";

	/**
	 * @param parameters parameters, or groups { params, ...options } of them
	 * @throws ArgumentError if there are no parameters or an option is out of range, DeviceMismatchError
	 */
	constructor(parameters: readonly Parameter[] | readonly ParameterOptions<AdamOptions>[], options: AdamOptions = {}) {
		super(adamMethod(0, false), parameters, options);
	}
}

/**
 * Adam with decoupled weight decay (Loshchilov & Hutter, "Decoupled weight decay regularization", 2019), as
 * torch.optim.AdamW: each step multiplies the weights by 1 − lr · weightDecay first.
 */
export class AdamW extends Optimizer<AdamOptions> {
	static override readonly name: string = "AdamW";

	/**
	 * @param parameters parameters, or groups { params, ...options } of them
	 * @param options as for Adam; weightDecay is 0.01 by default
	 * @throws ArgumentError if there are no parameters or an option is out of range, DeviceMismatchError
	 */
	constructor(parameters: readonly Parameter[] | readonly ParameterOptions<AdamOptions>[], options: AdamOptions = {}) {
		super(adamMethod(0.01, true), parameters, options);
	}
}
