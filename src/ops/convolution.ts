import convolutionBlockedKernel from "../../kernels/convolution.blocked.wgsl";
import convolutionSubgroupsKernel from "../../kernels/convolution.subgroups.wgsl";
import convolutionKernel from "../../kernels/convolution.wgsl";
import weightGradBlockedKernel from "../../kernels/convolution_weight_grad.blocked.wgsl";
import weightGradSubgroupsKernel from "../../kernels/convolution_weight_grad.subgroups.wgsl";
import weightGradKernel from "../../kernels/convolution_weight_grad.wgsl";
import packChannelsKernel from "../../kernels/pack_channels.wgsl";
import packWeightsKernel from "../../kernels/pack_weights.wgsl";
import { type Shape, sizeOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { blockedStorage, blockSize, blocksOf, emptyBlocked, worthBlocking } from "./blocked.js";
import { launchElements } from "./launch.js";
import { sumOver } from "./sum.js";

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
export function runConv2d(x: Tensor, weight: Tensor, epilogue: Epilogue, to: Shape, geometry: Geometry): Tensor {
	const { stride, padding, dilation } = geometry;
	const [outChannels, groupInputs, kernelHeight, kernelWidth] = weight.shape;
	const taps = kernelHeight * kernelWidth;
	const groupOutputs = outChannels / geometry.groups;
	return run(
		x,
		weight,
		{ group: groupOutputs * groupInputs * taps, output: groupInputs * taps, input: taps },
		epilogue,
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
	epilogue: Epilogue,
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
		epilogue,
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

/** The weights as the kernels read them, [groups, blocks, taps, inputs, width]. */
function packWeights(
	weight: Tensor,
	groups: number,
	groupInputs: number,
	groupOutputs: number,
	{ group, output, input }: WeightStrides,
	{ width, inputMultiple }: { readonly width: number; readonly inputMultiple: number },
): Tensor {
	const [, , kernelHeight, kernelWidth] = weight.shape;
	const taps = kernelHeight * kernelWidth;
	const paddedInputs = Math.ceil(groupInputs / inputMultiple) * inputMultiple;
	const packed = weight.gpu.empty([groups, Math.ceil(groupOutputs / width), taps, paddedInputs, width]);
	const scalars = weight.gpu.uniform(
		Uint32Array.of(groupInputs, groupOutputs, taps, group, output, input, width, paddedInputs),
	);
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

/** Launches kernels/convolution.wgsl or one of its variants. */
function run(
	x: Tensor,
	weight: Tensor,
	strides: WeightStrides,
	{ bias, relu = false, mask }: Epilogue,
	to: Shape,
	groups: number,
	{ inStep, outStep, origin, tapStep }: Steps,
	multiplyAdds: number,
): Tensor {
	const { gpu } = x;
	const [batch, outChannels, outHeight, outWidth] = to;
	const lanes = gpu.subgroupSize;
	const groupInputs = x.shape[1] / groups;
	const groupOutputs = outChannels / groups;
	const scalars = gpu.uniform(
		Int32Array.of(
			...sizes(x.shape, to, weight.shape, groups),
			bias === undefined ? 0 : 1,
			...inStep,
			...outStep,
			...origin,
			...tapStep,
			mask === undefined ? (relu ? 1 : 0) : 2,
		),
	);
	const flops = 2 * multiplyAdds;
	return gpu.scope(() => {
		if (groups === 1 && outChannels > 4 && worthBlocking(gpu, batch)) {
			const packed = packWeights(weight, 1, groupInputs, groupOutputs, strides, { width: 4 * lanes, inputMultiple: 2 });
			const { tensor, storage } = emptyBlocked(gpu, to);
			gpu.run(convolutionBlockedKernel, {
				constants: { SUBGROUP: lanes },
				bindings: [
					blockedStorage(x),
					packed.storage,
					(bias ?? packed).storage,
					mask === undefined ? packed.storage : blockedStorage(mask),
					storage,
					scalars,
				],
				workgroups: blocksOf(batch) * outHeight * outWidth * Math.ceil(outChannels / (4 * lanes)),
				flops,
			});
			return tensor;
		}
		const [channels, pixels] = lanes > 0 ? [16, 4 * lanes] : [8, 256];
		const phasePixels = batch * Math.ceil(outHeight / outStep[0]) * Math.ceil(outWidth / outStep[1]);
		const y = gpu.empty(to);
		const packed = packWeights(weight, groups, groupInputs, groupOutputs, strides, {
			width: packWidth,
			inputMultiple: 1,
		});
		gpu.run(lanes > 0 ? convolutionSubgroupsKernel : convolutionKernel, {
			constants: variant(lanes, groupOutputs, channels),
			bindings: [x.storage, packed.storage, (bias ?? packed).storage, (mask ?? packed).storage, y.storage, scalars],
			workgroups:
				groups * Math.ceil(groupOutputs / channels) * outStep[0] * outStep[1] * Math.ceil(phasePixels / pixels),
			flops,
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

/** Into how many splits the `units` of a weight gradient are cut, of which one has so many pixels. */
function splitsFor(blocks: number, units: number, pixels: number): number {
	return Math.max(1, Math.min(Math.floor(pixels / pixelsPerSplit), Math.ceil(enoughWorkgroups / blocks), units));
}

/**
 * kernels/convolution_weight_grad.wgsl: input [N, in, H, W] and output gradient [N, out, H', W'] of a conv2d → the
 * gradient of its weight, of shape `to` [out, in/groups, kH, kW], and the sums of the output gradient over all but the
 * channels where `withSums` asks for them.
 */
export function runWeightGrad(
	input: Tensor,
	outputGradient: Tensor,
	to: Shape,
	geometry: Geometry,
	withSums: boolean,
): { readonly weight: Tensor; readonly sums: Tensor | null } {
	const { gpu } = input;
	const { stride, padding, dilation, groups } = geometry;
	const [outChannels, groupInputs, kernelHeight, kernelWidth] = to;
	const [batch, , height, width] = outputGradient.shape;
	const pixels = batch * height * width;
	const flops = 2 * pixels * sizeOf(to);
	const groupOutputs = outChannels / groups;
	const columns = groupInputs * kernelHeight * kernelWidth;
	const scalars = (splits: number) =>
		gpu.uniform(
			Uint32Array.of(
				...sizes(input.shape, outputGradient.shape, to, groups),
				...stride,
				...padding,
				...dilation,
				splits,
			),
		);
	if (groups === 1 && worthBlocking(gpu, batch))
		return gpu.scope(() => {
			const lanes = gpu.subgroupSize;
			const constants = variant(lanes, outChannels, packWidth);
			const blocks = Math.ceil(outChannels / (4 * constants.QUARTERS)) * Math.ceil(columns / (4 * lanes));
			const splits = splitsFor(blocks, blocksOf(batch) * height, pixels);
			const partial = gpu.empty(splits === 1 ? to : [splits, ...to]);
			const partialSums = gpu.empty(splits === 1 ? [outChannels] : [splits, outChannels]);
			gpu.run(weightGradBlockedKernel, {
				constants,
				bindings: [
					blockedStorage(input),
					blockedStorage(outputGradient),
					partial.storage,
					partialSums.storage,
					scalars(splits),
				],
				workgroups: blocks * splits,
				flops,
			});
			const over = (x: Tensor, shape: Shape) =>
				splits === 1 ? x : sumOver(x, { r2: splits, k2: sizeOf(shape) }, shape);
			return { weight: over(partial, to), sums: withSums ? over(partialSums, [outChannels]) : null };
		});
	// With few channels a group most of what the variant for subgroups packs would be padding.
	const lanes = groups > 1 && groupOutputs < packWidth / 2 ? 0 : gpu.subgroupSize;
	const [rows, columnsAtOnce] = lanes > 0 ? [packWidth, 4 * lanes] : [8, 4];
	const blocks = groups * Math.ceil(groupOutputs / rows) * Math.ceil(columns / columnsAtOnce);
	const splits = splitsFor(blocks, batch * height, pixels);
	return gpu.scope(() => {
		const partial = gpu.empty(splits === 1 ? to : [splits, ...to]);
		const gradient = lanes > 0 ? packChannels(outputGradient, groups) : outputGradient;
		gpu.run(lanes > 0 ? weightGradSubgroupsKernel : weightGradKernel, {
			constants: lanes > 0 ? variant(lanes, groupOutputs, rows) : {},
			bindings: [input.storage, gradient.storage, partial.storage, scalars(splits)],
			workgroups: blocks * splits,
			flops,
		});
		return {
			weight: splits === 1 ? partial : sumOver(partial, { r2: splits, k2: sizeOf(to) }, to),
			sums: withSums ? runBiasGrad(outputGradient) : null,
		};
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
	const { blocked } = outputGradient;
	if (blocked !== null)
		return sumOver(outputGradient, { r1: blocksOf(batch), k1: channels, r2: blockSize * height * width }, [channels], {
			storage: blocked,
		});
	return sumOver(outputGradient, { r1: batch, k1: channels, r2: height * width }, [channels]);
}
