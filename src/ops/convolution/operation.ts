import { record } from "../../autograd/tape.js";
import type { Tensor } from "../../tensor/tensor.js";
import { maskedGradient, reluGradient } from "../relu.js";
import { tileChoices } from "../tiles.js";
import { inPreferredLayout, variantsForBatch, withoutBlocked } from "../variants.js";
import { launchBiasGradient } from "./bias_gradient.js";
import { launchConvolutionBlocked } from "./blocked.js";
import type { ConvolutionOptions } from "./options.js";
import type { ConvolutionPlan, Epilogue } from "./plan.js";
import { launchConvolutionPortable } from "./portable.js";
import { convolutionTiles, launchConvolutionTiled } from "./tiled.js";
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
	/** @param withBias whether the gradient of the bias is wanted */
	readonly weightGradient: (dy: Tensor, withBias: boolean) => WeightGradient;
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
			const dyOfOutput = forward.groups === 1 ? inPreferredLayout(gradient, input.shape) : gradient;
			const dy = relu ? reluGradient(y, dyOfOutput) : dyOfOutput;
			const dx = input.requiresGrad
				? maskedGradient(input, (mask) => launchConvolution(dy, weight, inputGradient(), { mask }))
				: null;
			const withBias = bias?.requiresGrad === true;
			const gradients = weight.requiresGrad ? weightGradient(dy, withBias) : undefined;
			const db = withBias ? (gradients?.bias ?? launchBiasGradient(dy)) : null;
			return [dx, gradients?.weight ?? null, db];
		});
	return record(name, y, inputs, reads, backward, relu);
}

/**
 * Launches a convolution or a transposed convolution in the variant that is the fastest for its shapes.
 *
 * @param x float32, of the plan's input shape
 * @param weight float32, of the plan's weight shape
 * @returns float32, of the plan's output shape, in the layout of the variant
 */
function launchConvolution(x: Tensor, weight: Tensor, plan: ConvolutionPlan, epilogue: Epilogue): Tensor {
	const { input, output, weight: shape, steps, groups } = plan;
	const key = `convolution ${input} ${output} ${shape} ${Object.values(steps)} ${groups}`;
	const tiles = convolutionTiles(x, plan);
	return x.gpu.chooseVariant(
		key,
		tileChoices(groups === 1 ? variantsForBatch(x, output) : withoutBlocked(x), tiles),
		(choice) => {
			if (choice === "blocked") return launchConvolutionBlocked(x, weight, plan, epilogue);
			const tile = tiles.find(({ name }) => name === choice);
			return tile === undefined
				? launchConvolutionPortable(x, weight, plan, epilogue)
				: launchConvolutionTiled(x, weight, plan, epilogue, tile);
		},
	);
}
