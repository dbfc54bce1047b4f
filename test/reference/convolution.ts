import { type Array64, zeros } from "./array.js";

/** A number for both axes, or [vertical, horizontal]. */
export type Pair = number | readonly [number, number];

/** The parameters of a convolution, PyTorch's names and defaults. */
export interface ConvolutionOptions {
	readonly stride?: Pair;
	readonly padding?: Pair;
	/** Zeros after the last row and column, if not `padding`. */
	readonly paddingEnd?: Pair;
	readonly dilation?: Pair;
	readonly groups?: number;
}

/** The gradients of the three inputs of a convolution. */
export interface ConvolutionGradients {
	readonly x: Array64;
	readonly weight: Array64;
	readonly bias: Array64;
}

/** [vertical, horizontal] of a number or a pair. */
export function pairOf(value: Pair | undefined, fallback: number): readonly [number, number] {
	if (value === undefined) return [fallback, fallback];
	return typeof value === "number" ? [value, value] : value;
}

/** The extent of a convolution's output along one axis. */
function outputExtent(
	input: number,
	kernel: number,
	stride: number,
	padding: number,
	paddingEnd: number,
	dilation: number,
): number {
	return Math.floor((input + padding + paddingEnd - dilation * (kernel - 1) - 1) / stride) + 1;
}

/** The output shape of conv2d for x [N, C, H, W] and weight [M, C/groups, kH, kW]. */
export function conv2dShape(x: readonly number[], weight: readonly number[], options: ConvolutionOptions): number[] {
	const stride = pairOf(options.stride, 1);
	const padding = pairOf(options.padding, 0);
	const dilation = pairOf(options.dilation, 1);
	const end = options.paddingEnd === undefined ? padding : pairOf(options.paddingEnd, 0);
	const height = outputExtent(x[2], weight[2], stride[0], padding[0], end[0], dilation[0]);
	const width = outputExtent(x[3], weight[3], stride[1], padding[1], end[1], dilation[1]);
	return [x[0], weight[0], height, width];
}

/** Calls f with the positions of each (input, weight, output) triple that the convolution multiplies and adds. */
function forEachTap(
	x: readonly number[],
	weight: readonly number[],
	options: ConvolutionOptions,
	f: (inX: number, inWeight: number, inY: number) => void,
): void {
	const [stride, padding, dilation] = [
		pairOf(options.stride, 1),
		pairOf(options.padding, 0),
		pairOf(options.dilation, 1),
	];
	const [batch, channels, height, width] = x;
	const [outputs, channelsPerGroup, kernelHeight, kernelWidth] = weight;
	const [, , outHeight, outWidth] = conv2dShape(x, weight, options);
	const outputsPerGroup = outputs / (options.groups ?? 1);
	for (let n = 0; n < batch; n++)
		for (let m = 0; m < outputs; m++)
			for (let oy = 0; oy < outHeight; oy++)
				for (let ox = 0; ox < outWidth; ox++)
					for (let c = 0; c < channelsPerGroup; c++)
						for (let ky = 0; ky < kernelHeight; ky++)
							for (let kx = 0; kx < kernelWidth; kx++) {
								const channel = Math.floor(m / outputsPerGroup) * channelsPerGroup + c;
								const iy = oy * stride[0] - padding[0] + ky * dilation[0];
								const ix = ox * stride[1] - padding[1] + kx * dilation[1];
								if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
								f(
									((n * channels + channel) * height + iy) * width + ix,
									((m * channelsPerGroup + c) * kernelHeight + ky) * kernelWidth + kx,
									((n * outputs + m) * outHeight + oy) * outWidth + ox,
								);
							}
}

/** Adds bias[c] to each pixel of channel c of an NCHW array, in place. */
export function addBias(y: Array64, bias: Array64): void {
	const pixels = y.shape[2] * y.shape[3];
	for (let i = 0; i < y.data.length; i++) y.data[i] += bias.data[Math.floor(i / pixels) % y.shape[1]];
}

/** The gradient of a bias: the sum of dy over images and pixels. */
export function biasGradient(dy: Array64): Array64 {
	const bias = zeros([dy.shape[1]]);
	const pixels = dy.shape[2] * dy.shape[3];
	for (let i = 0; i < dy.data.length; i++) bias.data[Math.floor(i / pixels) % dy.shape[1]] += dy.data[i];
	return bias;
}

/** conv2d: x [N, C, H, W], weight [M, C/groups, kH, kW], bias [M] → [N, M, oH, oW]. */
export function conv2d(
	x: Array64,
	weight: Array64,
	bias: Array64 | undefined,
	options: ConvolutionOptions = {},
): Array64 {
	const y = zeros(conv2dShape(x.shape, weight.shape, options));
	forEachTap(x.shape, weight.shape, options, (inX, inWeight, inY) => {
		y.data[inY] += x.data[inX] * weight.data[inWeight];
	});
	if (bias) addBias(y, bias);
	return y;
}

/** The gradients of conv2d, given that of its output. */
export function conv2dBackward(
	x: Array64,
	weight: Array64,
	dy: Array64,
	options: ConvolutionOptions = {},
): ConvolutionGradients {
	const gradients = { x: zeros(x.shape), weight: zeros(weight.shape), bias: biasGradient(dy) };
	forEachTap(x.shape, weight.shape, options, (inX, inWeight, inY) => {
		gradients.x.data[inX] += weight.data[inWeight] * dy.data[inY];
		gradients.weight.data[inWeight] += x.data[inX] * dy.data[inY];
	});
	return gradients;
}
