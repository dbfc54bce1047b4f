import convolutionSubgroupsKernel from "../../kernels/convolution.subgroups.wgsl";
import convolutionKernel from "../../kernels/convolution.wgsl";
import weightGradSubgroupsKernel from "../../kernels/convolution_weight_grad.subgroups.wgsl";
import weightGradKernel from "../../kernels/convolution_weight_grad.wgsl";
import packChannelsKernel from "../../kernels/pack_channels.wgsl";
import packWeightsKernel from "../../kernels/pack_weights.wgsl";
import { type Shape, sizeOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { launchElements } from "./launch.js";
import { sumOver } from "./sum.js";

/** What both convolutions and their gradients share; pairs are [height, width]. */
export interface Geometry {
	readonly stride: readonly [number, number];
	readonly padding: readonly [number, number];
	readonly dilation: readonly [number, number];
	readonly groups: number;
}

/** Channels that the packed layouts put side by side. */
const packWidth = 16;

/** The first fields of `Sizes` in all the kernels. */
function sizes(input: Shape, output: Shape, weight: Shape, groups: number): number[] {
	const [, ...outputSizes] = output;
	const [, , ...kernelSizes] = weight;
	return [...input, ...outputSizes, ...kernelSizes, groups];
}

/**
 * kernels/convolution.wgsl as a conv2d: x [N, in, H, W], weight [out, in/groups, kH, kW] → `to` [N, out, H', W']. Records
 * nothing.
 */
export function runConv2d(x: Tensor, weight: Tensor, bias: Tensor | undefined, to: Shape, geometry: Geometry): Tensor {
	const { stride, padding, dilation } = geometry;
	const [outChannels, groupInputs, kernelHeight, kernelWidth] = weight.shape;
	const taps = kernelHeight * kernelWidth;
	const groupOutputs = outChannels / geometry.groups;
	return run(
		x,
		weight,
		{ group: groupOutputs * groupInputs * taps, output: groupInputs * taps, input: taps },
		bias,
		to,
		geometry.groups,
		{
			inStep: stride,
			outStep: [1, 1],
			origin: [-padding[0], -padding[1]],
			tapStep: dilation,
		},
		(sizeOf(to) / outChannels) * weight.size,
	);
}

/**
 * kernels/convolution.wgsl as a transposed convolution: x [N, in, H, W], weight [in, out/groups, kH, kW] → `to`
 * [N, out, H', W']. Records nothing.
 */
export function runConvTranspose2d(
	x: Tensor,
	weight: Tensor,
	bias: Tensor | undefined,
	to: Shape,
	geometry: Geometry,
): Tensor {
	const { stride, padding, dilation } = geometry;
	const [inChannels, groupOutputs, kernelHeight, kernelWidth] = weight.shape;
	const taps = kernelHeight * kernelWidth;
	const groupInputs = inChannels / geometry.groups;
	return run(
		x,
		weight,
		{ group: groupInputs * groupOutputs * taps, output: taps, input: groupOutputs * taps },
		bias,
		to,
		geometry.groups,
		{
			inStep: [1, 1],
			outStep: stride,
			origin: padding,
			tapStep: [-dilation[0], -dilation[1]],
		},
		(x.size / inChannels) * weight.size,
	);
}

/** Where a weight's elements lie, see kernels/pack_weights.wgsl. */
interface WeightStrides {
	readonly group: number;
	readonly output: number;
	readonly input: number;
}

/** The weights as the kernels read them, [groups, blocks, taps, inputs, 16]. */
function packWeights(
	weight: Tensor,
	groups: number,
	groupInputs: number,
	groupOutputs: number,
	{ group, output, input }: WeightStrides,
): Tensor {
	const [, , kernelHeight, kernelWidth] = weight.shape;
	const taps = kernelHeight * kernelWidth;
	const packed = weight.gpu.empty([groups, Math.ceil(groupOutputs / packWidth), taps, groupInputs, packWidth]);
	const scalars = weight.gpu.uniform(Uint32Array.of(groupInputs, groupOutputs, taps, group, output, input));
	launchElements(packWeightsKernel, packed.size, [weight, packed, scalars]);
	return packed;
}

/** How outputs, inputs and taps lie to each other, see kernels/convolution.wgsl; pairs are [y, x]. */
interface Steps {
	readonly inStep: readonly [number, number];
	readonly outStep: readonly [number, number];
	readonly origin: readonly [number, number];
	readonly tapStep: readonly [number, number];
}

/** Launches kernels/convolution.wgsl or its variant for subgroups. */
function run(
	x: Tensor,
	weight: Tensor,
	strides: WeightStrides,
	bias: Tensor | undefined,
	to: Shape,
	groups: number,
	{ inStep, outStep, origin, tapStep }: Steps,
	multiplyAdds: number,
): Tensor {
	const { gpu } = x;
	const [batch, outChannels, outHeight, outWidth] = to;
	const lanes = gpu.subgroupSize;
	const groupOutputs = outChannels / groups;
	const [channels, pixels] = lanes > 0 ? [16, 4 * lanes] : [8, 256];
	const phasePixels = batch * Math.ceil(outHeight / outStep[0]) * Math.ceil(outWidth / outStep[1]);
	const hasBias = bias === undefined ? 0 : 1;
	return gpu.scope(() => {
		const y = gpu.empty(to);
		const packed = packWeights(weight, groups, x.shape[1] / groups, groupOutputs, strides);
		gpu.run(lanes > 0 ? convolutionSubgroupsKernel : convolutionKernel, {
			constants: variant(lanes, groupOutputs, channels),
			bindings: [
				x.storage,
				packed.storage,
				(bias ?? packed).storage,
				y.storage,
				gpu.uniform(
					Int32Array.of(
						...sizes(x.shape, to, weight.shape, groups),
						hasBias,
						...inStep,
						...outStep,
						...origin,
						...tapStep,
					),
				),
			],
			workgroups:
				groups * Math.ceil(groupOutputs / channels) * outStep[0] * outStep[1] * Math.ceil(phasePixels / pixels),
			flops: 2 * multiplyAdds,
		});
		return y;
	});
}

/** The constants that choose among the variants of a kernel, of which there are few. */
function variant(lanes: number, groupOutputs: number, channels: number): Record<string, number> {
	const quarters = { QUARTERS: groupOutputs > 4 ? channels / 4 : 1 };
	return lanes > 0 ? { SUBGROUP: lanes, ...quarters } : quarters;
}

/** How many workgroups a weight gradient should have at least, and pixels a split at least. */
const enoughWorkgroups = 256;
const pixelsPerSplit = 512;

/**
 * kernels/convolution_weight_grad.wgsl: input [N, in, H, W] and output gradient [N, out, H', W'] of a conv2d → the
 * gradient of its weight, of shape `to` [out, in/groups, kH, kW].
 */
export function runWeightGrad(input: Tensor, outputGradient: Tensor, to: Shape, geometry: Geometry): Tensor {
	const { gpu } = input;
	const { stride, padding, dilation, groups } = geometry;
	const [outChannels, groupInputs, kernelHeight, kernelWidth] = to;
	const [batch, , height, width] = outputGradient.shape;
	const pixels = batch * height * width;
	const groupOutputs = outChannels / groups;
	// With few channels a group most of what the variant for subgroups packs would be padding.
	const lanes = groups > 1 && groupOutputs < packWidth / 2 ? 0 : gpu.subgroupSize;
	const [rows, columns] = lanes > 0 ? [packWidth, 4 * lanes] : [8, 4];
	const rowBlocks = groups * Math.ceil(groupOutputs / rows);
	const blocks = rowBlocks * Math.ceil((groupInputs * kernelHeight * kernelWidth) / columns);
	const splits = Math.max(
		1,
		Math.min(Math.floor(pixels / pixelsPerSplit), Math.ceil(enoughWorkgroups / blocks), batch * height),
	);
	return gpu.scope(() => {
		const partial = gpu.empty(splits === 1 ? to : [splits, ...to]);
		const gradient = lanes > 0 ? packChannels(outputGradient, groups) : outputGradient;
		gpu.run(lanes > 0 ? weightGradSubgroupsKernel : weightGradKernel, {
			constants: lanes > 0 ? variant(lanes, groupOutputs, rows) : {},
			bindings: [
				input.storage,
				gradient.storage,
				partial.storage,
				gpu.uniform(
					Uint32Array.of(
						...sizes(input.shape, outputGradient.shape, to, groups),
						...stride,
						...padding,
						...dilation,
						splits,
					),
				),
			],
			workgroups: blocks * splits,
			flops: 2 * pixels * sizeOf(to),
		});
		return splits === 1 ? partial : sumOver(partial, { r2: splits, k2: sizeOf(to) }, to);
	});
}

/** [N, C, H, W] with 16 neighbouring channels of a pixel side by side: [groups, blocks, N·H·W, 16]. */
function packChannels(x: Tensor, groups: number): Tensor {
	const [batch, channels, height, width] = x.shape;
	const packed = x.gpu.empty([groups, Math.ceil(channels / groups / packWidth), batch * height * width, packWidth]);
	launchElements(packChannelsKernel, packed.size, [x, packed], {
		BATCH: batch,
		CHANNELS: channels,
		PLANE: height * width,
		GROUPS: groups,
	});
	return packed;
}

/** The gradient of a bias [C]: the sum of the output's gradient [N, C, H, W] over all but the channels. */
export function runBiasGrad(outputGradient: Tensor): Tensor {
	const [batch, channels, height, width] = outputGradient.shape;
	return sumOver(outputGradient, { r1: batch, k1: channels, r2: height * width }, [channels]);
}
