import weightGradKernel from "../../kernels/conv2d_weight_grad.wgsl";
import conv2dKernel from "../../kernels/conv2d.wgsl";
import convTranspose2dKernel from "../../kernels/conv_transpose2d.wgsl";
import { type Shape, sizeOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
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

/** The constants that the three kernels have in common. */
function constantsOf(input: Shape, output: Shape, kernel: readonly [number, number], geometry: Geometry) {
	const [batch, inChannels, inHeight, inWidth] = input as Shape4;
	const [, outChannels, outHeight, outWidth] = output as Shape4;
	return {
		BATCH: batch,
		IN_CHANNELS: inChannels,
		IN_HEIGHT: inHeight,
		IN_WIDTH: inWidth,
		OUT_CHANNELS: outChannels,
		OUT_HEIGHT: outHeight,
		OUT_WIDTH: outWidth,
		KERNEL_HEIGHT: kernel[0],
		KERNEL_WIDTH: kernel[1],
		STRIDE_Y: geometry.stride[0],
		STRIDE_X: geometry.stride[1],
		PADDING_Y: geometry.padding[0],
		PADDING_X: geometry.padding[1],
		DILATION_Y: geometry.dilation[0],
		DILATION_X: geometry.dilation[1],
		GROUPS: geometry.groups,
	};
}

function kernelSize(weight: Tensor): readonly [number, number] {
	return [weight.shape[2] as number, weight.shape[3] as number];
}

/** kernels/conv2d.wgsl: x [N, in, H, W], weight [out, in/groups, kH, kW] → `to` [N, out, H', W']. Records nothing. */
export function runConv2d(x: Tensor, weight: Tensor, bias: Tensor | undefined, to: Shape, geometry: Geometry): Tensor {
	const y = x.gpu.empty(to);
	const [batch, channels, height, width] = to as Shape4;
	const channelBlocks = geometry.groups * Math.ceil(channels / geometry.groups / 8);
	x.gpu.run(conv2dKernel, {
		constants: { ...constantsOf(x.shape, to, kernelSize(weight), geometry), HAS_BIAS: bias === undefined ? 0 : 1 },
		bindings: [x.storage, weight.storage, (bias ?? weight).storage, y.storage],
		workgroups: channelBlocks * Math.ceil((batch * height * width) / 256),
		flops: (2 * y.size * weight.size) / channels,
	});
	return y;
}

/**
 * kernels/conv_transpose2d.wgsl: x [N, in, H, W], weight [in, out/groups, kH, kW] → `to` [N, out, H', W']. Records
 * nothing.
 */
export function runConvTranspose2d(
	x: Tensor,
	weight: Tensor,
	bias: Tensor | undefined,
	to: Shape,
	geometry: Geometry,
): Tensor {
	const y = x.gpu.empty(to);
	const [batch, channels, height, width] = to as Shape4;
	const [strideY, strideX] = geometry.stride;
	const channelBlocks = geometry.groups * Math.ceil(channels / geometry.groups / 8);
	const phasePixels = batch * Math.ceil(height / strideY) * Math.ceil(width / strideX);
	x.gpu.run(convTranspose2dKernel, {
		constants: { ...constantsOf(x.shape, to, kernelSize(weight), geometry), HAS_BIAS: bias === undefined ? 0 : 1 },
		bindings: [x.storage, weight.storage, (bias ?? weight).storage, y.storage],
		workgroups: strideY * strideX * channelBlocks * Math.ceil(phasePixels / 256),
		flops: (2 * x.size * weight.size) / (x.shape[1] as number),
	});
	return y;
}

/** How many workgroups a weight gradient should have at least, and pixels a split at least. */
const enoughWorkgroups = 256;
const pixelsPerSplit = 512;

/**
 * kernels/conv2d_weight_grad.wgsl: input [N, in, H, W] and output gradient [N, out, H', W'] of a conv2d → the gradient
 * of its weight, of shape `to` [out, in/groups, kH, kW].
 */
export function runWeightGrad(input: Tensor, outputGradient: Tensor, to: Shape, geometry: Geometry): Tensor {
	const { gpu } = input;
	const [outChannels, groupInputs, kernelHeight, kernelWidth] = to as Shape4;
	const [batch, , height, width] = outputGradient.shape as Shape4;
	const pixels = batch * height * width;
	const columnBlocks = Math.ceil((groupInputs * kernelHeight * kernelWidth) / 4);
	const blocks = columnBlocks * geometry.groups * Math.ceil(outChannels / geometry.groups / 8);
	const splits = Math.max(1, Math.min(Math.floor(pixels / pixelsPerSplit), Math.ceil(enoughWorkgroups / blocks)));
	const partial = gpu.empty(splits === 1 ? to : [splits, ...to]);
	gpu.run(weightGradKernel, {
		constants: {
			...constantsOf(input.shape, outputGradient.shape, [kernelHeight, kernelWidth], geometry),
			SPLITS: splits,
		},
		bindings: [input.storage, outputGradient.storage, partial.storage],
		workgroups: blocks * splits,
		flops: 2 * pixels * sizeOf(to),
	});
	if (splits === 1) return partial;
	const gradient = sumOver(partial, { r2: splits, k2: sizeOf(to) }, to);
	partial.dispose();
	return gradient;
}

/** The gradient of a bias [C]: the sum of the output's gradient [N, C, H, W] over all but the channels. */
export function runBiasGrad(outputGradient: Tensor): Tensor {
	const [batch, channels, height, width] = outputGradient.shape as Shape4;
	return sumOver(outputGradient, { r1: batch, k1: channels, r2: height * width }, [channels]);
}
