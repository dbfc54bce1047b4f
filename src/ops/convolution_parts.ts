import packWeightsKernel from "../../kernels/pack_weights.wgsl";
import type { Shape } from "../base/shape.js";
import type { Storage } from "../gpu/storage.js";
import type { Tensor } from "../tensor/tensor.js";
import { launchElements } from "./launch.js";

/** What both convolutions and their gradients share; pairs are [height, width]. */
export interface Geometry {
	readonly stride: readonly [number, number];
	readonly padding: readonly [number, number];
	readonly dilation: readonly [number, number];
	readonly groups: number;
}

/** What a convolution does with its sums before it stores them. */
export interface Epilogue {
	/** [out], added. */
	readonly bias?: Tensor | undefined;
	/** Then max(·, 0). */
	readonly relu?: boolean;
	/** Or, of the output's shape: 0 where this is not positive, as in the gradient of a ReLU that gave this. */
	readonly mask?: Tensor | undefined;
}

/** How outputs, inputs and taps lie to each other, see kernels/convolution.wgsl; pairs are [y, x]. */
export interface Steps {
	readonly inStep: readonly [number, number];
	readonly outStep: readonly [number, number];
	readonly origin: readonly [number, number];
	readonly tapStep: readonly [number, number];
}

/** The first fields of `Sizes` in all the kernels. */
export function sizes(input: Shape, output: Shape, weight: Shape, groups: number): number[] {
	const [, ...outputSizes] = output;
	const [, , ...kernelSizes] = weight;
	return [...input, ...outputSizes, ...kernelSizes, groups];
}

/** `Sizes` of the convolution kernels, in a uniform buffer. */
export function convolutionSizes(
	x: Tensor,
	output: Shape,
	kernel: Shape,
	groups: number,
	{ inStep, outStep, origin, tapStep }: Steps,
	{ bias, relu = false, mask }: Epilogue,
): Storage {
	return x.gpu.uniform(
		Int32Array.of(
			...sizes(x.shape, output, kernel, groups),
			bias === undefined ? 0 : 1,
			...inStep,
			...outStep,
			...origin,
			...tapStep,
			mask === undefined ? (relu ? 1 : 0) : 2,
		),
	);
}

/** Where a weight's elements lie, see kernels/pack_weights.wgsl. */
export interface WeightStrides {
	readonly group: number;
	readonly output: number;
	readonly input: number;
}

export interface PackedForm {
	/** Output channels that lie side by side. */
	readonly width: number;
	/** The input channels are filled up to a multiple of this. */
	readonly inputMultiple: number;
	/** Whether each tap of an output channel is an output of its own (default false). */
	readonly tapsAsOutputs?: boolean;
}

/** The weights as the kernels read them, [groups, blocks, taps, inputs, width]. */
export function packWeights(
	weight: Tensor,
	groups: number,
	groupInputs: number,
	groupOutputs: number,
	{ group, output, input }: WeightStrides,
	{ width, inputMultiple, tapsAsOutputs = false }: PackedForm,
): Tensor {
	const [, , kernelHeight, kernelWidth] = weight.shape;
	const parts = tapsAsOutputs ? kernelHeight * kernelWidth : 1;
	const taps = (kernelHeight * kernelWidth) / parts;
	const outputs = groupOutputs * parts;
	const paddedInputs = Math.ceil(groupInputs / inputMultiple) * inputMultiple;
	const packed = weight.gpu.empty([groups, Math.ceil(outputs / width), taps, paddedInputs, width]);
	const scalars = weight.gpu.uniform(
		Uint32Array.of(groupInputs, outputs, taps, group, output, input, width, paddedInputs, parts),
	);
	launchElements(packWeightsKernel, packed.size, [weight, packed, scalars]);
	return packed;
}

/** How many groups of 4 output channels a workgroup has, of the variants that there are. */
export function quartersFor(groupOutputs: number, channels: number): number {
	return groupOutputs > 4 ? channels / 4 : 1;
}

/** How many workgroups a weight gradient should have at least, and pixels a split at least. */
const enoughWorkgroups = 256;
const pixelsPerSplit = 512;

/** Into how many splits the `units` of a weight gradient are cut, of which one has so many pixels. */
export function splitsFor(blocks: number, units: number, pixels: number): number {
	return Math.max(1, Math.min(Math.floor(pixels / pixelsPerSplit), Math.ceil(enoughWorkgroups / blocks), units));
}
