import convolutionSubgroupsKernel from "../../kernels/convolution.subgroups.wgsl";
import convolutionKernel from "../../kernels/convolution.wgsl";
import weightGradSubgroupsKernel from "../../kernels/convolution_weight_grad.subgroups.wgsl";
import weightGradKernel from "../../kernels/convolution_weight_grad.wgsl";
import packChannelsKernel from "../../kernels/pack_channels.wgsl";
import { type Shape, sizeOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { runBlocked, runWeightGradBlocked, sumsBlocked, takesBlocked } from "./convolution_blocked.js";
import {
	convolutionSizes,
	type Epilogue,
	type Geometry,
	packWeights,
	type Steps,
	sizes,
	splitsFor,
	variant,
	type WeightStrides,
} from "./convolution_parts.js";
import { launchElements } from "./launch.js";
import { sumOver } from "./sum.js";

/** Channels that the packed layouts put side by side. */
const packWidth = 16;

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

/** Launches kernels/convolution.wgsl or one of its variants. */
function run(
	x: Tensor,
	weight: Tensor,
	strides: WeightStrides,
	epilogue: Epilogue,
	to: Shape,
	groups: number,
	steps: Steps,
	multiplyAdds: number,
): Tensor {
	const { gpu } = x;
	const flops = 2 * multiplyAdds;
	if (takesBlocked(x, groups)) return runBlocked(x, weight, strides, epilogue, to, steps, flops);
	const { bias, mask } = epilogue;
	const [batch, outChannels, outHeight, outWidth] = to;
	const lanes = gpu.subgroupSize;
	const groupOutputs = outChannels / groups;
	const [channels, pixels] = lanes > 0 ? [16, 4 * lanes] : [8, 256];
	const [phasesY, phasesX] = steps.outStep;
	const phasePixels = batch * Math.ceil(outHeight / phasesY) * Math.ceil(outWidth / phasesX);
	return gpu.scope(() => {
		const y = gpu.empty(to);
		const form = { width: packWidth, inputMultiple: 1 };
		const packed = packWeights(weight, groups, x.shape[1] / groups, groupOutputs, strides, form);
		gpu.run(lanes > 0 ? convolutionSubgroupsKernel : convolutionKernel, {
			constants: variant(lanes, groupOutputs, channels),
			bindings: [
				x.storage,
				packed.storage,
				(bias ?? packed).storage,
				(mask ?? packed).storage,
				y.storage,
				convolutionSizes(x, to, weight.shape, groups, steps, epilogue),
			],
			workgroups: groups * Math.ceil(groupOutputs / channels) * phasesY * phasesX * Math.ceil(phasePixels / pixels),
			flops,
		});
		return y;
	});
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
	if (takesBlocked(input, groups)) return runWeightGradBlocked(input, outputGradient, to, geometry, withSums);
	const [outChannels, groupInputs, kernelHeight, kernelWidth] = to;
	const [batch, , height, width] = outputGradient.shape;
	const pixels = batch * height * width;
	const groupOutputs = outChannels / groups;
	// With few channels a group most of what the variant for subgroups packs would be padding.
	const lanes = groups > 1 && groupOutputs < packWidth / 2 ? 0 : gpu.subgroupSize;
	const [rows, columns] = lanes > 0 ? [packWidth, 4 * lanes] : [8, 4];
	const rowBlocks = groups * Math.ceil(groupOutputs / rows);
	const blocks = rowBlocks * Math.ceil((groupInputs * kernelHeight * kernelWidth) / columns);
	const splits = splitsFor(blocks, batch * height, pixels);
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
		const weight = splits === 1 ? partial : sumOver(partial, { r2: splits, k2: sizeOf(to) }, to);
		return { weight, sums: withSums ? runBiasGrad(outputGradient) : null };
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
	if (outputGradient.blocked !== null) return sumsBlocked(outputGradient);
	const [batch, channels, height, width] = outputGradient.shape;
	return sumOver(outputGradient, { r1: batch, k1: channels, r2: height * width }, [channels]);
}
