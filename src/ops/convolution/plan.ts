import { type Shape, sizeOf } from "../../base/shape.js";
import type { UniformValues } from "../../gpu/kernel.js";
import type { Tensor } from "../../tensor/tensor.js";

/** [height, width] */
export type Size = readonly [number, number];

/** The arguments that both convolutions share. */
export interface Geometry {
	readonly stride: Size;
	readonly padding: Size;
	readonly dilation: Size;
	readonly groups: number;
}

/** What a convolution does with its sums before it stores them. */
export interface Epilogue {
	/** [outChannels], added. */
	readonly bias?: Tensor | undefined;
	/** Then max(·, 0). */
	readonly relu?: boolean;
	/** Or 0 if this, of the output's shape, is not positive: the backward pass of a ReLU whose output this is. */
	readonly mask?: Tensor | undefined;
}

/**
 * Which input pixel a tap of the kernel reads for an output pixel, see kernels/convolution.wgsl. One formula serves convolution
 * and transposed convolution.
 */
export interface Steps {
	readonly inStep: Size;
	readonly outStep: Size;
	readonly origin: Size;
	readonly tapStep: Size;
}

/** How far apart elements of the weight are in memory, by what they belong to. */
export interface WeightStrides {
	readonly group: number;
	readonly output: number;
	readonly input: number;
}

/** All that the kernels of a convolution or a transposed convolution are told, derived from shapes alone. */
export interface ConvolutionPlan {
	/** [N, inChannels, H, W] */
	readonly input: Shape;
	/** [N, outChannels, H', W'] */
	readonly output: Shape;
	readonly kernel: Size;
	readonly groups: number;
	/** Channels of a group. */
	readonly groupInputs: number;
	readonly groupOutputs: number;
	/** The weight's shape, and where its elements are. */
	readonly weight: Shape;
	readonly weightStrides: WeightStrides;
	readonly steps: Steps;
	readonly flops: number;
}

/** @param weight [outChannels, inChannels / groups, kH, kW] */
export function planConv2d(input: Shape, weight: Shape, output: Shape, geometry: Geometry): ConvolutionPlan {
	const { stride, padding, dilation, groups } = geometry;
	const [outChannels, groupInputs, height, width] = weight;
	const taps = height * width;
	const groupOutputs = outChannels / groups;
	return {
		input,
		output,
		kernel: [height, width],
		groups,
		groupInputs,
		groupOutputs,
		weight,
		weightStrides: { group: groupOutputs * groupInputs * taps, output: groupInputs * taps, input: taps },
		steps: { inStep: stride, outStep: [1, 1], origin: [-padding[0], -padding[1]], tapStep: dilation },
		flops: 2 * (sizeOf(output) / outChannels) * sizeOf(weight),
	};
}

/** @param weight [inChannels, outChannels / groups, kH, kW] */
export function planConvTranspose2d(input: Shape, weight: Shape, output: Shape, geometry: Geometry): ConvolutionPlan {
	const { stride, padding, dilation, groups } = geometry;
	const [inChannels, groupOutputs, height, width] = weight;
	const taps = height * width;
	const groupInputs = inChannels / groups;
	return {
		input,
		output,
		kernel: [height, width],
		groups,
		groupInputs,
		groupOutputs,
		weight,
		weightStrides: { group: groupInputs * groupOutputs * taps, output: taps, input: groupOutputs * taps },
		steps: { inStep: [1, 1], outStep: stride, origin: padding, tapStep: [-dilation[0], -dilation[1]] },
		flops: 2 * (sizeOf(input) / inChannels) * sizeOf(weight),
	};
}

/** The uniform of kernels/convolution.wgsl, its blocked variant and gather_taps.blocked.wgsl. */
export function convolutionUniforms(
	{ input, output, kernel, groups, steps }: ConvolutionPlan,
	{ bias, relu = false, mask }: Epilogue,
): UniformValues {
	const { inStep, outStep, origin, tapStep } = steps;
	return {
		batch: input[0],
		inChannels: input[1],
		inHeight: input[2],
		inWidth: input[3],
		outChannels: output[1],
		outHeight: output[2],
		outWidth: output[3],
		kernelHeight: kernel[0],
		kernelWidth: kernel[1],
		groups,
		hasBias: bias === undefined ? 0 : 1,
		inStepY: inStep[0],
		inStepX: inStep[1],
		outStepY: outStep[0],
		outStepX: outStep[1],
		originY: origin[0],
		originX: origin[1],
		tapStepY: tapStep[0],
		tapStepX: tapStep[1],
		activation: mask === undefined ? (relu ? 1 : 0) : 2,
	};
}

/**
 * How many phases the output pixels have, and how many pixels the largest of them has; see
 * kernels/convolution.wgsl.
 */
export function phasesOf({ output, steps }: ConvolutionPlan): {
	readonly phases: number;
	readonly phasePixels: number;
} {
	const [batch, , height, width] = output;
	const [phasesY, phasesX] = steps.outStep;
	return {
		phases: phasesY * phasesX,
		phasePixels: batch * Math.ceil(height / phasesY) * Math.ceil(width / phasesX),
	};
}

/**
 * With so many output channels of a group or fewer, the portable and the blocked kernels compute 4 at a
 * time.
 */
export const fewChannels = 4;

/** QUARTERS of a kernel: how many groups of 4 output channels a workgroup computes, of at most `channels`. */
export function quartersFor(groupOutputs: number, channels: number): number {
	return groupOutputs > fewChannels ? channels / 4 : 1;
}
