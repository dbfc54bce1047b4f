import convolutionKernel from "../../kernels/convolution.wgsl";
import convolutionSubgroupsKernel from "../../kernels/convolution.subgroups.wgsl";
import weightGradKernel from "../../kernels/convolution_weight_grad.wgsl";
import weightGradSubgroupsKernel from "../../kernels/convolution_weight_grad.subgroups.wgsl";
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

/** Four axes, as tensors and weights of convolutions have them. */
export type Shape4 = readonly [number, number, number, number];

/** Channels that the packed layouts put side by side. */
const packWidth = 16;

/** The constants that all the kernels have in common. */
function sizes(input: Shape, output: Shape, weight: Shape, groups: number) {
	const [batch, inChannels, inHeight, inWidth] = input as Shape4;
	const [, outChannels, outHeight, outWidth] = output as Shape4;
	const [, , kernelHeight, kernelWidth] = weight as Shape4;
	return {
		BATCH: batch,
		IN_CHANNELS: inChannels,
		IN_HEIGHT: inHeight,
		IN_WIDTH: inWidth,
		OUT_CHANNELS: outChannels,
		OUT_HEIGHT: outHeight,
		OUT_WIDTH: outWidth,
		KERNEL_HEIGHT: kernelHeight,
		KERNEL_WIDTH: kernelWidth,
		GROUPS: groups,
	};
}

/**
 * kernels/convolution.wgsl as a conv2d: x [N, in, H, W], weight [out, in/groups, kH, kW] → `to` [N, out, H', W']. Records
 * nothing.
 */
export function runConv2d(x: Tensor, weight: Tensor, bias: Tensor | undefined, to: Shape, geometry: Geometry): Tensor {
	const { stride, padding, dilation } = geometry;
	const [outChannels, groupInputs, kernelHeight, kernelWidth] = weight.shape as Shape4;
	const taps = kernelHeight * kernelWidth;
	const groupOutputs = outChannels / geometry.groups;
	const packed = packWeights(weight, geometry.groups, groupInputs, groupOutputs, {
		GROUP_STRIDE: groupOutputs * groupInputs * taps,
		OUTPUT_STRIDE: groupInputs * taps,
		INPUT_STRIDE: taps,
	});
	return run(x, packed, bias, to, {
		...sizes(x.shape, to, weight.shape, geometry.groups),
		IN_STEP_Y: stride[0],
		IN_STEP_X: stride[1],
		OUT_STEP_Y: 1,
		OUT_STEP_X: 1,
		ORIGIN_Y: -padding[0],
		ORIGIN_X: -padding[1],
		TAP_STEP_Y: dilation[0],
		TAP_STEP_X: dilation[1],
	}, (sizeOf(to) / outChannels) * weight.size);
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
	const [inChannels, groupOutputs, kernelHeight, kernelWidth] = weight.shape as Shape4;
	const taps = kernelHeight * kernelWidth;
	const groupInputs = inChannels / geometry.groups;
	const packed = packWeights(weight, geometry.groups, groupInputs, groupOutputs, {
		GROUP_STRIDE: groupInputs * groupOutputs * taps,
		OUTPUT_STRIDE: taps,
		INPUT_STRIDE: groupOutputs * taps,
	});
	return run(x, packed, bias, to, {
		...sizes(x.shape, to, weight.shape, geometry.groups),
		IN_STEP_Y: 1,
		IN_STEP_X: 1,
		OUT_STEP_Y: stride[0],
		OUT_STEP_X: stride[1],
		ORIGIN_Y: padding[0],
		ORIGIN_X: padding[1],
		TAP_STEP_Y: -dilation[0],
		TAP_STEP_X: -dilation[1],
	}, (x.size / inChannels) * weight.size);
}

/** The weights as the kernels read them, [groups, blocks, taps, inputs, 16]. */
function packWeights(
	weight: Tensor,
	groups: number,
	groupInputs: number,
	groupOutputs: number,
	strides: { GROUP_STRIDE: number; OUTPUT_STRIDE: number; INPUT_STRIDE: number },
): Tensor {
	const [, , kernelHeight, kernelWidth] = weight.shape as Shape4;
	const taps = kernelHeight * kernelWidth;
	const packed = weight.gpu.empty([groups, Math.ceil(groupOutputs / packWidth), taps, groupInputs, packWidth]);
	launchElements(packWeightsKernel, packed.size, [weight, packed], {
		GROUP_INPUTS: groupInputs,
		GROUP_OUTPUTS: groupOutputs,
		TAPS: taps,
		...strides,
	});
	return packed;
}

type Steps = ReturnType<typeof sizes> & Record<"OUT_STEP_Y" | "OUT_STEP_X", number>;

/** Launches kernels/convolution.wgsl or its variant for subgroups. Takes `packed` over. */
function run(
	x: Tensor,
	packed: Tensor,
	bias: Tensor | undefined,
	to: Shape,
	constants: Steps & Record<string, number>,
	multiplyAdds: number,
): Tensor {
	const { gpu } = x;
	const y = gpu.empty(to);
	const { GROUPS, OUT_CHANNELS, OUT_STEP_Y, OUT_STEP_X, BATCH, OUT_HEIGHT, OUT_WIDTH } = constants;
	const lanes = gpu.subgroupSize;
	const [channels, pixels] = lanes > 0 ? [16, 4 * lanes] : [8, 256];
	const blocks = GROUPS * Math.ceil(OUT_CHANNELS / GROUPS / channels);
	const phasePixels = BATCH * Math.ceil(OUT_HEIGHT / OUT_STEP_Y) * Math.ceil(OUT_WIDTH / OUT_STEP_X);
	gpu.run(lanes > 0 ? convolutionSubgroupsKernel : convolutionKernel, {
		constants: { ...constants, HAS_BIAS: bias === undefined ? 0 : 1, ...(lanes > 0 ? { SUBGROUP: lanes } : {}) },
		bindings: [x.storage, packed.storage, (bias ?? packed).storage, y.storage],
		workgroups: blocks * OUT_STEP_Y * OUT_STEP_X * Math.ceil(phasePixels / pixels),
		flops: 2 * multiplyAdds,
	});
	packed.dispose();
	return y;
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
	const [outChannels, groupInputs, kernelHeight, kernelWidth] = to as Shape4;
	const [batch, , height, width] = outputGradient.shape as Shape4;
	const pixels = batch * height * width;
	const lanes = gpu.subgroupSize;
	const [rows, columns] = lanes > 0 ? [packWidth, 4 * lanes] : [8, 4];
	const rowBlocks = groups * Math.ceil(outChannels / groups / rows);
	const blocks = rowBlocks * Math.ceil((groupInputs * kernelHeight * kernelWidth) / columns);
	const splits = Math.max(
		1,
		Math.min(Math.floor(pixels / pixelsPerSplit), Math.ceil(enoughWorkgroups / blocks), batch * height),
	);
	const partial = gpu.empty(splits === 1 ? to : [splits, ...to]);
	const gradient = lanes > 0 ? packChannels(outputGradient, groups) : outputGradient.share();
	gpu.run(lanes > 0 ? weightGradSubgroupsKernel : weightGradKernel, {
		constants: {
			...sizes(input.shape, outputGradient.shape, to, groups),
			STRIDE_Y: stride[0],
			STRIDE_X: stride[1],
			PADDING_Y: padding[0],
			PADDING_X: padding[1],
			DILATION_Y: dilation[0],
			DILATION_X: dilation[1],
			SPLITS: splits,
			...(lanes > 0 ? { SUBGROUP: lanes } : {}),
		},
		bindings: [input.storage, gradient.storage, partial.storage],
		workgroups: blocks * splits,
		flops: 2 * pixels * sizeOf(to),
	});
	gradient.dispose();
	if (splits === 1) return partial;
	const sum = sumOver(partial, { r2: splits, k2: sizeOf(to) }, to);
	partial.dispose();
	return sum;
}

/** [N, C, H, W] with 16 neighbouring channels of a pixel side by side: [groups, blocks, N·H·W, 16]. */
function packChannels(x: Tensor, groups: number): Tensor {
	const [batch, channels, height, width] = x.shape as Shape4;
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
	const [batch, channels, height, width] = outputGradient.shape as Shape4;
	return sumOver(outputGradient, { r1: batch, k1: channels, r2: height * width }, [channels]);
}
