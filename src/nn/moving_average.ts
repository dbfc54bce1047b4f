import averageKernel from "../../kernels/average.wgsl";
import { checkInstance, checkNumber, checkOptions } from "../base/arguments.js";
import { join } from "../gpu/join.js";
import { launchSegments } from "../gpu/segments.js";
import type { Parameter, Tensor } from "../tensor/tensor.js";
import { Module, overwriteState, type StateValue } from "./module.js";
import { byBuffer } from "./together.js";

export interface MovingAverageOptions {
	/** The weight of the average in the next one, in [0, 1) (default 0.999). */
	readonly decay?: number;
}

/**
 * An exponential moving average of a module's parameters, as torch.optim.swa_utils.AveragedModel with a decay (Polyak & Juditsky,
 * 1992). It starts with the parameters as they are. Buffers are not averaged.
 *
 * @example
 * const average = new ExponentialMovingAverage(model, { decay: 0.999 });
 * for (const batch of batches) {
 *   trainStep(batch);
 *   average.update(); // also in a captured step
 * }
 * average.swap(); // the model has the averages, and the average the trained weights
 * evaluate(model);
 * average.swap();
 */
export class ExponentialMovingAverage {
	static readonly name: string = "ExponentialMovingAverage";

	private readonly decay: number;
	private readonly averages: readonly (readonly [name: string, parameter: Parameter, average: Tensor])[];

	/** @throws ArgumentError unless it is a module, or if the decay is out of range */
	constructor(module: Module, options: MovingAverageOptions = {}) {
		const name = "ExponentialMovingAverage";
		checkInstance(name, "module", module, Module, "a Module");
		checkOptions(name, options, ["decay"]);
		const { decay = 0.999 } = options;
		this.decay = checkNumber(name, "decay", decay, { least: 0, below: 1 });
		this.averages = module
			.namedParameters()
			.map(([key, parameter]) => [key, parameter, parameter.gpu.keep(parameter.gpu.clone(parameter))]);
		const [first] = this.averages;
		if (first !== undefined)
			join(
				first[1].gpu,
				this.averages.map(([, , average]) => average.memory()),
			);
	}

	/** Moves the averages towards the parameters: decay · average + (1 − decay) · parameter. */
	update(): void {
		const averageOf = new Map(this.averages.map(([, parameter, average]) => [parameter, average]));
		const uniforms = { weight: 1 - this.decay };
		for (const group of byBuffer([...averageOf.keys()]))
			launchSegments(
				group[0].gpu,
				averageKernel,
				group.map((parameter) => {
					const average = averageOf.get(parameter) as Tensor;
					return { from: parameter.memory(), to: average.memory(), length: parameter.size, sizes: [] };
				}),
				{ uniforms },
			);
	}

	/** Exchanges parameters and averages. */
	swap(): void {
		for (const [, parameter, average] of this.averages) {
			const { gpu } = parameter;
			gpu.scope(() => {
				const before = gpu.clone(parameter);
				gpu.copy(average, parameter);
				gpu.copy(before, average);
			});
		}
	}

	/** The averages, by the names of the parameters in the module's state dict. They are its own, not copies. */
	stateDict(): Record<string, Tensor> {
		return Object.fromEntries(this.averages.map(([name, , average]) => [name, average]));
	}

	/**
	 * Overwrites the averages with those of a state dict, to continue a training. If it does not fit, nothing
	 * is changed.
	 *
	 * @throws StateDictError with the names that are missing or unexpected and the shapes and dtypes that
	 * differ
	 */
	loadStateDict(dict: Readonly<Record<string, StateValue>>): void {
		overwriteState("ExponentialMovingAverage.loadStateDict", this.stateDict(), dict);
	}

	dispose(): void {
		for (const [, , average] of this.averages) average.dispose();
	}
}
