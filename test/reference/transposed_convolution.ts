import { type Array64, zeros } from "./array.js";
import {
	addBias,
	biasGradient,
	type ConvolutionGradients,
	type ConvolutionOptions,
	type Pair,
	pairOf,
} from "./convolution.js";

/** The parameters of a transposed convolution, PyTorch's names and defaults. */
export interface TransposedConvolutionOptions extends ConvolutionOptions {
	readonly outputPadding?: Pair;
}

/** The output shape of convTranspose2d for x [N, C, H, W] and weight [C, M/groups, kH, kW]. */
export function convTranspose2dShape(
	x: readonly number[],
	weight: readonly number[],
	options: TransposedConvolutionOptions,
): number[] {
	const stride = pairOf(options.stride, 1);
	const padding = pairOf(options.padding, 0);
	const outputPadding = pairOf(options.outputPadding, 0);
	const dilation = pairOf(options.dilation, 1);
	const extent = (axis: 0 | 1) =>
		(x[2 + axis] - 1) * stride[axis] -
		2 * padding[axis] +
		dilation[axis] * (weight[2 + axis] - 1) +
		outputPadding[axis] +
		1;
	return [x[0], weight[1] * (options.groups ?? 1), extent(0), extent(1)];
}

/** Calls f with the positions of each (input, weight, output) triple: each input pixel paints a kernel on the output. */
function forEachTap(
	x: readonly number[],
	weight: readonly number[],
	options: TransposedConvolutionOptions,
	f: (inX: number, inWeight: number, inY: number) => void,
): void {
	const [stride, padding, dilation] = [
		pairOf(options.stride, 1),
		pairOf(options.padding, 0),
		pairOf(options.dilation, 1),
	];
	const [batch, channels, height, width] = x;
	const [, outputsPerGroup, kernelHeight, kernelWidth] = weight;
	const [, outputs, outHeight, outWidth] = convTranspose2dShape(x, weight, options);
	const channelsPerGroup = channels / (options.groups ?? 1);
	for (let n = 0; n < batch; n++)
		for (let c = 0; c < channels; c++)
			for (let iy = 0; iy < height; iy++)
				for (let ix = 0; ix < width; ix++)
					for (let m = 0; m < outputsPerGroup; m++)
						for (let ky = 0; ky < kernelHeight; ky++)
							for (let kx = 0; kx < kernelWidth; kx++) {
								const output = Math.floor(c / channelsPerGroup) * outputsPerGroup + m;
								const oy = iy * stride[0] - padding[0] + ky * dilation[0];
								const ox = ix * stride[1] - padding[1] + kx * dilation[1];
								if (oy < 0 || oy >= outHeight || ox < 0 || ox >= outWidth) continue;
								f(
									((n * channels + c) * height + iy) * width + ix,
									((c * outputsPerGroup + m) * kernelHeight + ky) * kernelWidth + kx,
									((n * outputs + output) * outHeight + oy) * outWidth + ox,
								);
							}
}

/** convTranspose2d: x [N, C, H, W], weight [C, M/groups, kH, kW], bias [M] → [N, M, oH, oW]. */
export function convTranspose2d(
	x: Array64,
	weight: Array64,
	bias: Array64 | undefined,
	options: TransposedConvolutionOptions = {},
): Array64 {
	const y = zeros(convTranspose2dShape(x.shape, weight.shape, options));
	forEachTap(x.shape, weight.shape, options, (inX, inWeight, inY) => {
		y.data[inY] += x.data[inX] * weight.data[inWeight];
	});
	if (bias) addBias(y, bias);
	return y;
}

/** The gradients of convTranspose2d, given that of its output. */
export function convTranspose2dBackward(
	x: Array64,
	weight: Array64,
	dy: Array64,
	options: TransposedConvolutionOptions = {},
): ConvolutionGradients {
	const gradients = { x: zeros(x.shape), weight: zeros(weight.shape), bias: biasGradient(dy) };
	forEachTap(x.shape, weight.shape, options, (inX, inWeight, inY) => {
		gradients.x.data[inX] += weight.data[inWeight] * dy.data[inY];
		gradients.weight.data[inWeight] += x.data[inX] * dy.data[inY];
	});
	return gradients;
}
