import { sizeOf } from "../../base/shape.js";
import { blocksOf, wordsOf } from "../../tensor/layout.js";
import type { Tensor } from "../../tensor/tensor.js";
import { launchPackWeights } from "./pack_weights.js";
import { type ConvolutionPlan, convolutionUniforms, type Epilogue, fewChannels } from "./plan.js";

/** kernels/convolution.blocked.wgsl: the result is blocked. */
export function launchConvolutionBlocked(x: Tensor, weight: Tensor, plan: ConvolutionPlan, epilogue: Epilogue): Tensor {
	const { output, kernel, steps } = plan;
	const readsEachPixel = steps.inStep[0] === 1 && steps.inStep[1] === 1;
	return output[1] <= fewChannels && sizeOf(kernel) > 1 && readsEachPixel
		? launchTapByTap(x, weight, plan, epilogue)
		: launchWhole(x, weight, plan, epilogue);
}

function launchWhole(
	x: Tensor,
	weight: Tensor,
	plan: ConvolutionPlan,
	epilogue: Epilogue,
	tapsAsOutputs = false,
): Tensor {
	const { gpu } = x;
	const { bias, mask } = epilogue;
	const [batch, outChannels, outHeight, outWidth] = plan.output;
	const width = 4 * gpu.subgroupSize;
	return gpu.scope(() => {
		const y = gpu.empty(plan.output, "float32", "blocked");
		const packed = launchPackWeights(weight, plan, { width, inputMultiple: 2, tapsAsOutputs });
		gpu.launch(gpu.blockedKernels.convolution, {
			constants: { SUBGROUP: gpu.subgroupSize },
			bindings: [
				x.memory("blocked"),
				packed.memory(),
				(bias ?? packed).memory(),
				mask?.memory("blocked") ?? packed.memory(),
				y.memory("blocked"),
			],
			uniforms: convolutionUniforms(plan, epilogue),
			workgroups: blocksOf(batch) * outHeight * outWidth * Math.ceil(outChannels / width),
			flops: plan.flops,
		});
		return y;
	});
}

/**
 * Lanes compute output channels. If these are few, most lanes would have none: so the taps become output channels of a product
 * with a kernel of 1 × 1, and a second launch adds them up (kernels/gather_taps.blocked.wgsl).
 */
function launchTapByTap(x: Tensor, weight: Tensor, plan: ConvolutionPlan, epilogue: Epilogue): Tensor {
	const { gpu } = x;
	const { bias, mask } = epilogue;
	const { input, output, kernel } = plan;
	const products: ConvolutionPlan = {
		...plan,
		output: [input[0], output[1] * sizeOf(kernel), input[2], input[3]],
		kernel: [1, 1],
		steps: { inStep: [1, 1], outStep: [1, 1], origin: [0, 0], tapStep: [1, 1] },
	};
	return gpu.scope(() => {
		const y = gpu.empty(output, "float32", "blocked");
		const parts = launchWhole(x, weight, products, {}, true).memory("blocked");
		gpu.launch(gpu.blockedKernels.gatherTaps, {
			bindings: [parts, bias?.memory() ?? parts, mask?.memory("blocked") ?? parts, y.memory("blocked")],
			uniforms: convolutionUniforms(plan, epilogue),
			workgroups: Math.ceil(wordsOf(output, "blocked") / 256),
		});
		return y;
	});
}
