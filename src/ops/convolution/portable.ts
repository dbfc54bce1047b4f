import type { Tensor } from "../../tensor/tensor.js";
import { launchPackWeights } from "./pack_weights.js";
import { type ConvolutionPlan, convolutionUniforms, type Epilogue, phasesOf, quartersFor } from "./plan.js";

/** Output channels that packed weights have next to each other. */
const packedWidth = 16;
/** What a workgroup computes: channels of pixels. */
const tileChannels = 8;
const tilePixels = 256;

/** kernels/convolution.wgsl */
export function launchConvolutionPortable(
	x: Tensor,
	weight: Tensor,
	plan: ConvolutionPlan,
	epilogue: Epilogue,
): Tensor {
	const { gpu } = x;
	const { bias, mask } = epilogue;
	const { output, groups, groupOutputs, flops } = plan;
	const { phases, phasePixels } = phasesOf(plan);
	const channelTiles = groups * Math.ceil(groupOutputs / tileChannels);
	return gpu.scope(() => {
		const y = gpu.empty(output);
		const packed = launchPackWeights(weight, plan, { width: packedWidth, inputMultiple: 1 });
		gpu.launch(gpu.portableKernels.convolution, {
			constants: { QUARTERS: quartersFor(groupOutputs, tileChannels) },
			bindings: [x, packed, bias ?? packed, mask ?? packed, y].map((tensor) => tensor.memory()),
			uniforms: convolutionUniforms(plan, epilogue),
			workgroups: channelTiles * phases * Math.ceil(phasePixels / tilePixels),
			flops,
		});
		return y;
	});
}
