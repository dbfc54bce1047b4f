import type { Tensor } from "../../tensor/tensor.js";
import { variantsForBatch } from "../variants.js";
import { launchConvolutionBlocked } from "./blocked.js";
import type { ConvolutionPlan, Epilogue } from "./plan.js";
import { launchConvolutionPortable } from "./portable.js";

/**
 * Launches a convolution or a transposed convolution in the variant that is the fastest for its shapes.
 *
 * @param x float32, of the plan's input shape
 * @param weight float32, of the plan's weight shape
 * @returns float32, of the plan's output shape, in the layout of the variant
 */
export function launchConvolution(x: Tensor, weight: Tensor, plan: ConvolutionPlan, epilogue: Epilogue): Tensor {
	const { input, output, weight: shape, steps, groups } = plan;
	const key = `convolution ${input} ${output} ${shape} ${Object.values(steps)} ${groups}`;
	return x.gpu.chooseVariant(key, groups === 1 ? variantsForBatch(x) : ["portable"], (variant) =>
		variant === "blocked"
			? launchConvolutionBlocked(x, weight, plan, epilogue)
			: launchConvolutionPortable(x, weight, plan, epilogue),
	);
}
