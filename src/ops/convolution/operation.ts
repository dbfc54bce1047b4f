import { record } from "../../autograd/tape.js";
import type { Tensor } from "../../tensor/tensor.js";
import { maskedGradient, reluGradient } from "../relu.js";
import { inPreferredLayout } from "../variants.js";
import { launchBiasGradient } from "./bias_gradient.js";
import { launchConvolution } from "./convolve.js";
import type { ConvolutionOptions } from "./options.js";
import type { ConvolutionPlan } from "./plan.js";
import type { WeightGradient } from "./weight_gradient.js";

/** A convolution or a transposed convolution, and the two parts of its backward pass in which they differ. */
export interface ConvolutionOperation {
	readonly name: string;
	readonly input: Tensor;
	readonly weight: Tensor;
	readonly options: ConvolutionOptions;
	readonly forward: ConvolutionPlan;
	/** The input's gradient is the other of the two operations, from the output to the input. */
	readonly inputGradient: () => ConvolutionPlan;
	readonly weightGradient: (dy: Tensor) => WeightGradient;
}

/** Launches the forward pass and records the backward pass. */
export function runConvolution(operation: ConvolutionOperation): Tensor {
	const { name, input, weight, options, forward, inputGradient, weightGradient } = operation;
	const { bias, activation } = options;
	const relu = activation === "relu";
	const { gpu } = input;
	const y = launchConvolution(input, weight, forward, { bias, relu });
	const inputs = bias === undefined ? [input, weight] : [input, weight, bias];
	const reads = input.requiresGrad ? [input, weight, y] : [input, y];
	const backward = (gradient: Tensor) =>
		gpu.scope(() => {
			const dyOfOutput = forward.groups === 1 ? inPreferredLayout(gradient) : gradient;
			const dy = relu ? reluGradient(y, dyOfOutput) : dyOfOutput;
			const dx = input.requiresGrad
				? maskedGradient(input, (mask) => launchConvolution(dy, weight, inputGradient(), { mask }))
				: null;
			const gradients = weight.requiresGrad ? weightGradient(dy) : undefined;
			const db = bias?.requiresGrad === true ? (gradients?.bias ?? launchBiasGradient(dy)) : null;
			return [dx, gradients?.weight ?? null, db];
		});
	return record(name, y, inputs, reads, backward, relu);
}
