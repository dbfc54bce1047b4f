import type { Tensor } from "../../tensor/tensor.js";
import { launchElements } from "../launch.js";
import type { ConvolutionPlan } from "./plan.js";

export interface PackedLayout {
	/** Output channels that are next to each other. */
	readonly width: number;
	/** The input channels are filled up to a multiple of this. */
	readonly inputMultiple: number;
	/** Whether each tap of an output channel is an output channel of its own (default false). */
	readonly tapsAsOutputs?: boolean;
}

/** The weights as the kernels of a convolution read them, [groups, blocks, taps, inputs, width]; see kernels/pack_weights.wgsl. */
export function launchPackWeights(
	weight: Tensor,
	{ groups, groupInputs, groupOutputs, weight: shape, weightStrides }: ConvolutionPlan,
	{ width, inputMultiple, tapsAsOutputs = false }: PackedLayout,
): Tensor {
	const { gpu } = weight;
	const allTaps = shape[2] * shape[3];
	const parts = tapsAsOutputs ? allTaps : 1;
	const taps = allTaps / parts;
	const outputs = groupOutputs * parts;
	const paddedInputs = Math.ceil(groupInputs / inputMultiple) * inputMultiple;
	const packed = gpu.empty([groups, Math.ceil(outputs / width), taps, paddedInputs, width]);
	launchElements(gpu.portableKernels.packWeights, packed.size, [weight, packed], {
		uniforms: {
			groupInputs,
			groupOutputs: outputs,
			taps,
			groupStride: weightStrides.group,
			outputStride: weightStrides.output,
			inputStride: weightStrides.input,
			width,
			paddedInputs,
			parts,
		},
	});
	return packed;
}
