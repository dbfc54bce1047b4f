import convolutionKernel from "../../kernels/convolution.wgsl";
import weightGradKernel from "../../kernels/convolution_weight_grad.wgsl";
import { type Shape, sizeOf } from "../base/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { variantsOf } from "./blocked.js";
import { runBlocked, runWeightGradBlocked, sumsBlocked } from "./convolution_blocked.js";
import {
	convolutionSizes,
	type Epilogue,
	type Geometry,
	packWeights,
	quartersFor,
	type Steps,
	sizes,
	splitsFor,
	type WeightStrides,
} from "./convolution_parts.js";
import { sumOver } from "./sum.js";

/** Output channels that packed weights have side by side. */
const packWidth = 16;
/** What a workgroup of kernels/convolution.wgsl computes. */
const channelsAtOnce = 8;
const pixelsAtOnce = 256;
/** What a workgroup of kernels/convolution_weight_grad.wgsl computes. */
const gradRows = 8;
const gradColumns = 4;

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

/** Launches kernels/convolution.wgsl or its variant for blocked tensors. */
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
	const key = `convolution ${x.shape} ${to} ${weight.shape} ${Object.values(steps)} ${groups}`;
	return gpu.choose(key, groups === 1 ? variantsOf(x) : ["portable"], (variant) =>
		variant === "blocked"
			? runBlocked(x, weight, strides, epilogue, to, steps, flops)
			: runPortable(x, weight, strides, epilogue, to, groups, steps, flops),
	);
}

function runPortable(
	x: Tensor,
	weight: Tensor,
	strides: WeightStrides,
	epilogue: Epilogue,
	to: Shape,
	groups: number,
	steps: Steps,
	flops: number,
): Tensor {
	const { gpu } = x;
	const { bias, mask } = epilogue;
	const [batch, outChannels, outHeight, outWidth] = to;
	const groupOutputs = outChannels / groups;
	const [phasesY, phasesX] = steps.outStep;
	const phasePixels = batch * Math.ceil(outHeight / phasesY) * Math.ceil(outWidth / phasesX);
	const channelBlocks = groups * Math.ceil(groupOutputs / channelsAtOnce);
	return gpu.scope(() => {
		const y = gpu.empty(to);
		const form = { width: packWidth, inputMultiple: 1 };
		const packed = packWeights(weight, groups, x.shape[1] / groups, groupOutputs, strides, form);
		gpu.launch(convolutionKernel, {
			constants: { QUARTERS: quartersFor(groupOutputs, channelsAtOnce) },
			bindings: [
				x.storage,
				packed.storage,
				(bias ?? packed).storage,
				(mask ?? packed).storage,
				y.storage,
				convolutionSizes(x, to, weight.shape, groups, steps, epilogue),
			],
			workgroups: channelBlocks * phasesY * phasesX * Math.ceil(phasePixels / pixelsAtOnce),
			flops,
		});
		return y;
	});
}

/**
 * kernels/convolution_weight_grad.wgsl: input [N, in, H, W] and output gradient [N, out, H', W'] of a conv2d → the
 * gradient of its weight, of shape `to` [out, in/groups, kH, kW], and where it is had for nothing the sums of the output
 * gradient over all but the channels.
 */
export function runWeightGrad(
	input: Tensor,
	outputGradient: Tensor,
	to: Shape,
	geometry: Geometry,
): { readonly weight: Tensor; readonly sums?: Tensor } {
	const { gpu } = input;
	const { stride, padding, dilation, groups } = geometry;
	const key = `weight gradient ${input.shape} ${outputGradient.shape} ${to} ${Object.values(geometry)}`;
	return gpu.choose(key, groups === 1 ? variantsOf(input) : ["portable"], (variant) => {
		if (variant === "blocked") return runWeightGradBlocked(input, outputGradient, to, geometry);
		const [outChannels, groupInputs, kernelHeight, kernelWidth] = to;
		const [batch, , height, width] = outputGradient.shape;
		const pixels = batch * height * width;
		const rowBlocks = groups * Math.ceil(outChannels / groups / gradRows);
		const blocks = rowBlocks * Math.ceil((groupInputs * kernelHeight * kernelWidth) / gradColumns);
		const splits = splitsFor(blocks, batch * height, pixels);
		return gpu.scope(() => {
			const partial = gpu.empty(splits === 1 ? to : [splits, ...to]);
			gpu.launch(weightGradKernel, {
				bindings: [
					input.storage,
					outputGradient.storage,
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
			return { weight: splits === 1 ? partial : sumOver(partial, { r2: splits, k2: sizeOf(to) }, to) };
		});
	});
}

/** The gradient of a bias [C]: the sum of the output's gradient [N, C, H, W] over all but the channels. */
export function runBiasGrad(outputGradient: Tensor): Tensor {
	if (outputGradient.blocked !== null) return sumsBlocked(outputGradient);
	const [batch, channels, height, width] = outputGradient.shape;
	return sumOver(outputGradient, { r1: batch, k1: channels, r2: height * width }, [channels]);
}
