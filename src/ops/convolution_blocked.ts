import weightGradSumKernel from "../../kernels/convolution_weight_grad_sum.wgsl";
import { type Shape, sizeOf } from "../base/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { blockedStorage, blocksOf, emptyBlocked } from "./blocked.js";
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
import { launchElements } from "./launch.js";
import { sumOver } from "./sum.js";

/** So many output channels or fewer are computed tap by tap. */
const fewChannels = 4;
/** Output channels that a weight gradient has in a workgroup. */
const rowsAtOnce = 16;

/** Pixels that one invocation of the sums over all but the channels adds up. */
const pixelsPerSum = 64;

/** kernels/convolution.blocked.wgsl: x [N, in, H, W] → `to` [N, out, H', W'], blocked. */
export function runBlocked(
	x: Tensor,
	weight: Tensor,
	strides: WeightStrides,
	epilogue: Epilogue,
	to: Shape,
	steps: Steps,
	flops: number,
): Tensor {
	const [, , kernelHeight, kernelWidth] = weight.shape;
	const pixelwise = steps.inStep[0] === 1 && steps.inStep[1] === 1;
	return to[1] <= fewChannels && kernelHeight * kernelWidth > 1 && pixelwise
		? runTapByTap(x, weight, strides, epilogue, to, steps, flops)
		: runWhole(x, weight, strides, epilogue, to, weight.shape, steps, flops);
}

function runWhole(
	x: Tensor,
	weight: Tensor,
	strides: WeightStrides,
	epilogue: Epilogue,
	to: Shape,
	kernel: Shape,
	steps: Steps,
	flops: number,
): Tensor {
	const { gpu } = x;
	const { bias, mask } = epilogue;
	const [batch, outChannels, outHeight, outWidth] = to;
	const lanes = gpu.subgroupSize;
	const width = 4 * lanes;
	return gpu.scope(() => {
		const { tensor, storage } = emptyBlocked(gpu, to);
		// Where the kernel is smaller than the weight's, the weight's taps stand as outputs.
		const tapsAsOutputs = sizeOf(kernel.slice(2)) < sizeOf(weight.shape.slice(2));
		const packed = packWeights(weight, 1, x.shape[1], outChannels, strides, { width, inputMultiple: 2, tapsAsOutputs });
		gpu.launch(gpu.blockedKernels.convolution, {
			constants: { SUBGROUP: lanes },
			bindings: [
				blockedStorage(x),
				packed.storage,
				(bias ?? packed).storage,
				mask === undefined ? packed.storage : blockedStorage(mask),
				storage,
				convolutionSizes(x, to, kernel, 1, steps, epilogue),
			],
			workgroups: blocksOf(batch) * outHeight * outWidth * Math.ceil(outChannels / width),
			flops,
		});
		return tensor;
	});
}

/**
 * Lanes lie on output channels, so where these are few the taps become channels of a product with a kernel of 1 × 1, and a
 * second pass adds them up (kernels/gather_taps.blocked.wgsl).
 */
function runTapByTap(
	x: Tensor,
	weight: Tensor,
	strides: WeightStrides,
	epilogue: Epilogue,
	to: Shape,
	steps: Steps,
	flops: number,
): Tensor {
	const { gpu } = x;
	const { bias, mask } = epilogue;
	const [batch, , inHeight, inWidth] = x.shape;
	const products = [batch, to[1] * sizeOf(weight.shape.slice(2)), inHeight, inWidth];
	const pointwise = { inStep: [1, 1], outStep: [1, 1], origin: [0, 0], tapStep: [1, 1] } as const;
	return gpu.scope(() => {
		const { tensor, storage } = emptyBlocked(gpu, to);
		const parts = blockedStorage(runWhole(x, weight, strides, {}, products, [1, 1, 1, 1], pointwise, flops));
		gpu.launch(gpu.blockedKernels.gatherTaps, {
			bindings: [
				parts,
				bias?.storage ?? parts,
				mask === undefined ? parts : blockedStorage(mask),
				storage,
				convolutionSizes(x, to, weight.shape, 1, steps, epilogue),
			],
			workgroups: Math.ceil(storage.bytes / 1024),
		});
		return tensor;
	});
}

/** kernels/convolution_weight_grad.blocked.wgsl, see `runWeightGrad`. */
export function runWeightGradBlocked(
	input: Tensor,
	outputGradient: Tensor,
	to: Shape,
	{ stride, padding, dilation }: Geometry,
): { readonly weight: Tensor; readonly sums: Tensor } {
	const { gpu } = input;
	const [outChannels, ...kernel] = to;
	const [batch, , height, width] = outputGradient.shape;
	const pixels = batch * height * width;
	const lanes = gpu.subgroupSize;
	const constants = { SUBGROUP: lanes, QUARTERS: quartersFor(outChannels, rowsAtOnce) };
	const columns = sizeOf(kernel);
	const columnBlocks = Math.ceil(columns / (4 * lanes));
	const blocks = Math.ceil(outChannels / (4 * constants.QUARTERS)) * columnBlocks;
	const splits = splitsFor(blocks, blocksOf(batch) * height, pixels);
	const rowLength = 4 * lanes * columnBlocks;
	return gpu.scope(() => {
		const weight = gpu.empty(to);
		const sums = gpu.empty([outChannels]);
		const partial = gpu.empty([splits, outChannels, rowLength]);
		const partialSums = gpu.empty([splits, outChannels]);
		gpu.launch(gpu.blockedKernels.convolutionWeightGrad, {
			constants,
			bindings: [
				blockedStorage(input),
				blockedStorage(outputGradient),
				partial.storage,
				partialSums.storage,
				gpu.uniform(
					Uint32Array.of(
						...sizes(input.shape, outputGradient.shape, to, 1),
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
		const scalars = gpu.uniform(Uint32Array.of(outChannels, columns, rowLength, splits));
		const bindings = [partial, partialSums, weight, sums, scalars];
		launchElements(weightGradSumKernel, weight.size + outChannels, bindings);
		return { weight, sums };
	});
}

/** The sums of a blocked tensor [N, C, H, W] over all but the channels. */
export function sumsBlocked(x: Tensor): Tensor {
	const { gpu } = x;
	const [batch, channels, height, width] = x.shape;
	const plane = height * width;
	const splits = Math.ceil(plane / pixelsPerSum);
	return gpu.scope(() => {
		const partial = gpu.empty([blocksOf(batch) * splits, channels]);
		const scalars = gpu.uniform(Uint32Array.of(channels, plane, splits));
		launchElements(gpu.blockedKernels.sumChannels, partial.size, [blockedStorage(x), partial, scalars]);
		return sumOver(partial, { r2: partial.shape[0], k2: channels }, [channels]);
	});
}
