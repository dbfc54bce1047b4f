import sgdKernel from "../../kernels/sgd.wgsl";
import { checkFlag, checkNumber } from "../base/arguments.js";
import { ArgumentError } from "../base/errors.js";
import type { Parameter } from "../tensor/tensor.js";
import { checkRates, type Method, Optimizer, type OptimizerOptions, type ParameterOptions } from "./optimizer.js";

export interface SGDOptions extends OptimizerOptions {
	/** Learning rate (default 1e-3). */
	readonly lr?: number;
	/** The weight of earlier gradients (default 0). */
	readonly momentum?: number;
	/** What is taken off the weight 1 of a new gradient (default 0). */
	readonly dampening?: number;
	/** Nesterov momentum (default false); needs momentum, and no dampening. */
	readonly nesterov?: boolean;
}

function checkSGDOptions(caller: string, options: SGDOptions): void {
	const { momentum, dampening = 0, nesterov } = options;
	checkRates(caller, options);
	if (momentum !== undefined) checkNumber(caller, "momentum", momentum, { least: 0 });
	checkNumber(caller, "dampening", dampening);
	if (nesterov !== undefined) checkFlag(caller, "nesterov", nesterov);
	if (nesterov === true && (momentum === 0 || dampening !== 0))
		throw new ArgumentError(`${caller}: nesterov needs a momentum above 0 and a dampening of 0.`);
}

const method: Method<SGDOptions> = {
	kernel: sgdKernel,
	defaults: { lr: 1e-3, momentum: 0, dampening: 0, nesterov: false, weightDecay: 0 },
	check: checkSGDOptions,
	moments: ({ momentum }) => (momentum > 0 ? ["momentum_buffer"] : []),
	constants: ({ momentum, nesterov }) => ({ MOMENTUM: momentum > 0 ? 1 : 0, NESTEROV: nesterov ? 1 : 0 }),
	settings: ({ lr, momentum, dampening, weightDecay }, step) => ({
		lr,
		momentum,
		keep: step === 1 ? 0 : momentum,
		take: step === 1 ? 1 : 1 - dampening,
		penalty: weightDecay,
	}),
};

/**
 * Gradient descent, with momentum or without, with the defaults and the arithmetic of torch.optim.SGD. Weight
 * decay is added to the gradient.
 *
 * @example
 * const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9, nesterov: true });
 */
export class SGD extends Optimizer<SGDOptions> {
	static override readonly name: string = "SGD";

	/**
	 * @param parameters parameters, or groups { params, ...options } of them
	 * @throws ArgumentError if there are no parameters or an option is out of range, DeviceMismatchError
	 */
	constructor(parameters: readonly Parameter[] | readonly ParameterOptions<SGDOptions>[], options: SGDOptions = {}) {
		super(method, parameters, options);
	}
}
