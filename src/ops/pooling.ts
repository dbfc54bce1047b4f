import adaptivePoolKernel from "../../kernels/adaptive_pool.wgsl";
import interpolateKernel from "../../kernels/interpolate.wgsl";
import poolKernel from "../../kernels/pool.wgsl";
import poolGradKernel from "../../kernels/pool_grad.wgsl";
import { record } from "../autograd/tape.js";
import { checkFlag, checkOptions, checkWord, wrongArgument } from "../base/arguments.js";
import { ArgumentError, ShapeError } from "../base/errors.js";
import { formatShape, type Shape } from "../base/shape.js";
import type { Constants, Kernel } from "../gpu/kernel.js";
import { checkTensor } from "../tensor/check_tensor.js";
import { blockSize, type Layout, wordsOf } from "../tensor/layout.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkRank, type Pair, pair } from "./check.js";
import { launchStrided } from "./copy.js";

/** The last axis of images as the kernels of this file read them, in either layout: [outer, height, width, inner]. */
function innerOf([, channels]: Shape, layout: Layout): number {
	return layout === "blocked" ? channels * blockSize : 1;
}

export interface PoolOptions {
	/** From a window to the next: one number, or [vertical, horizontal] (default: the kernel size). */
	readonly stride?: Pair | undefined;
	/** Around the image, at most half of the kernel size (default 0). */
	readonly padding?: Pair;
	/** Whether windows that end beyond the image and its padding count (default false). */
	readonly ceilMode?: boolean;
}

export interface MaxPoolOptions extends PoolOptions {
	/** From an element of a window to the next (default 1). */
	readonly dilation?: Pair;
}

export interface AvgPoolOptions extends PoolOptions {
	/** Whether the padding counts as zeros (default true). */
	readonly countIncludePad?: boolean;
}

export const maxPoolOptions = [
	"stride",
	"padding",
	"dilation",
	"ceilMode",
] as const satisfies readonly (keyof MaxPoolOptions)[];
export const avgPoolOptions = [
	"stride",
	"padding",
	"countIncludePad",
	"ceilMode",
] as const satisfies readonly (keyof AvgPoolOptions)[];

/** The numbers of a pooling, and its output's shape. */
interface PoolPlan {
	readonly output: Shape;
	/** Constants of the kernels. */
	readonly sizes: Constants;
}

/** @throws ArgumentError if an option is out of range, ShapeError unless x is [N, C, H, W] and has a window */
export function planPool(name: string, x: Shape, kernelSize: Pair, options: MaxPoolOptions & AvgPoolOptions): PoolPlan {
	checkRank(name, "x", x, 4, "[N, C, H, W]");
	const kernel = pair(name, "kernelSize", kernelSize, 1);
	const {
		stride: wanted = kernel,
		padding: around = 0,
		dilation: apart = 1,
		ceilMode = false,
		countIncludePad = true,
	} = options;
	const stride = pair(name, "stride", wanted, 1);
	const padding = pair(name, "padding", around, 0);
	const dilation = pair(name, "dilation", apart, 1);
	checkFlag(name, "ceilMode", ceilMode);
	checkFlag(name, "countIncludePad", countIncludePad);
	if (padding.some((length, axis) => 2 * length > kernel[axis]))
		throw new ArgumentError(
			`${name}: padding must be at most half of kernelSize ${formatShape(kernel)}, but is ${formatShape(padding)}.`,
		);
	const [batch, channels, height, width] = x;
	const lengthOf = (length: number, axis: 0 | 1) => {
		const free = length + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1;
		const count = Math[ceilMode ? "ceil" : "floor"](free / stride[axis]) + 1;
		// The last window starts in the image or the padding before it.
		return ceilMode && (count - 1) * stride[axis] >= length + padding[axis] ? count - 1 : count;
	};
	const output = [batch, channels, lengthOf(height, 0), lengthOf(width, 1)] as const;
	if (output[2] < 1 || output[3] < 1)
		throw new ShapeError(
			`${name}: kernelSize ${formatShape(kernel)} does not fit into x ${formatShape(x)} with padding ${formatShape(padding)}.`,
		);
	return {
		output,
		sizes: {
			HEIGHT: height,
			WIDTH: width,
			OUT_HEIGHT: output[2],
			OUT_WIDTH: output[3],
			KERNEL_Y: kernel[0],
			KERNEL_X: kernel[1],
			STRIDE_Y: stride[0],
			STRIDE_X: stride[1],
			PAD_Y: padding[0],
			PAD_X: padding[1],
			DILATION_Y: dilation[0],
			DILATION_X: dilation[1],
			COUNT_PAD: countIncludePad ? 1 : 0,
		},
	};
}

function pool(name: string, x: Tensor, { output, sizes }: PoolPlan, isMax: boolean): Tensor {
	const { gpu, layout } = x;
	const constants = { ...sizes, INNER: innerOf(x.shape, layout), MAX: isMax ? 1 : 0 };
	// The positions are uint32 in a tensor that has the layout of images.
	const [y, positions] = gpu.scope(() => {
		const y = gpu.empty(output, "float32", layout);
		const positions = gpu.empty(isMax ? output : [1, 1], "float32", isMax ? layout : "contiguous");
		gpu.launch(poolKernel, {
			constants,
			bindings: [x.memory(layout), y.memory(layout), positions.memory(positions.layout)],
			workgroups: Math.ceil(wordsOf(output, layout) / 64),
		});
		return [y, positions];
	});
	return record(name, y, [x], [], (dy) => [
		gpu.scope(() => {
			const dx = gpu.empty(x.shape, "float32", layout);
			gpu.launch(poolGradKernel, {
				constants,
				bindings: [dy.memory(layout), positions.memory(positions.layout), dx.memory(layout)],
				workgroups: Math.ceil(wordsOf(x.shape, layout) / 64),
			});
			return dx;
		}),
	]);
}

/**
 * The maximum of each window of the images, as torch.nn.functional.max_pool2d. Its gradient goes to the first of equal
 * elements.
 *
 * @param x float32 [N, C, H, W]
 * @param kernelSize one number, or [height, width]
 * @returns float32 [N, C, H', W'], H' = ⌊(H + 2 · padding − dilation · (kernelSize − 1) − 1) / stride⌋ + 1
 * @throws ShapeError if the window does not fit, ArgumentError if an option is out of range, DTypeError
 * @example
 * const half = maxPool2d(x, 2);
 */
export function maxPool2d(x: Tensor, kernelSize: Pair, options: MaxPoolOptions = {}): Tensor {
	checkTensor("maxPool2d", "x", x, "float32");
	checkOptions("maxPool2d", options, maxPoolOptions);
	return pool("maxPool2d", x, planPool("maxPool2d", x.shape, kernelSize, options), true);
}

/** The mean of each window of the images, as torch.nn.functional.avg_pool2d; arguments and errors as for `maxPool2d`. */
export function avgPool2d(x: Tensor, kernelSize: Pair, options: AvgPoolOptions = {}): Tensor {
	checkTensor("avgPool2d", "x", x, "float32");
	checkOptions("avgPool2d", options, avgPoolOptions);
	return pool("avgPool2d", x, planPool("avgPool2d", x.shape, kernelSize, options), false);
}

/** Each pixel repeated a whole number of times, which is only a copy; undefined if that is not what the sizes say. */
function repeatedPixels(x: Tensor, [outHeight, outWidth]: readonly [number, number]): Tensor | undefined {
	const [batch, channels, height, width] = x.shape;
	const [rows, columns] = [outHeight / height, outWidth / width];
	if (x.layout === "blocked" || !Number.isInteger(rows) || !Number.isInteger(columns)) return undefined;
	const out = x.gpu.empty([batch, channels, outHeight, outWidth]);
	launchStrided("interpolate", x, out, [batch * channels * height, rows, width, columns], [width, 0, 1, 0]);
	return out;
}

/**
 * Launches a kernel that computes y of x, or with BACKWARD 1 dx of dy, and records it.
 *
 * @param forward y, if it is computed in another way
 */
function resized(
	name: string,
	kernel: Kernel,
	x: Tensor,
	[outHeight, outWidth]: readonly [number, number],
	constants: Constants,
	forward?: Tensor,
): Tensor {
	const { gpu, layout } = x;
	const [batch, channels, height, width] = x.shape;
	const sizes = {
		HEIGHT: height,
		WIDTH: width,
		INNER: innerOf(x.shape, layout),
		OUT_HEIGHT: outHeight,
		OUT_WIDTH: outWidth,
		...constants,
	};
	const launch = (from: Tensor, shape: Shape, backward: number) =>
		gpu.scope(() => {
			const to = gpu.empty(shape, "float32", layout);
			gpu.launch(kernel, {
				constants: { ...sizes, BACKWARD: backward },
				bindings: [from.memory(layout), to.memory(layout)],
				workgroups: Math.ceil(wordsOf(shape, layout) / 64),
			});
			return to;
		});
	const y = forward ?? launch(x, [batch, channels, outHeight, outWidth], 0);
	return record(name, y, [x], [], (dy) => [launch(dy, x.shape, 1)]);
}

/**
 * The mean of each of outputSize bins of the images, which overlap if the size does not divide theirs, as
 * torch.nn.functional.adaptive_avg_pool2d.
 *
 * @param x float32 [N, C, H, W]
 * @param outputSize one number, or [height, width]
 * @returns float32 [N, C, ...outputSize]
 * @throws ShapeError unless x is [N, C, H, W], ArgumentError, DTypeError
 * @example
 * const means = flatten(adaptiveAvgPool2d(x, 1), 1); // [N, C]
 */
export function adaptiveAvgPool2d(x: Tensor, outputSize: Pair): Tensor {
	const name = "adaptiveAvgPool2d";
	checkTensor(name, "x", x, "float32");
	checkRank(name, "x", x.shape, 4, "[N, C, H, W]");
	return resized(name, adaptivePoolKernel, x, pair(name, "outputSize", outputSize, 1), {});
}

export interface InterpolateOptions {
	/** The size of the result: one number, or [height, width]. Either this or `scaleFactor` must be given. */
	readonly size?: Pair | undefined;
	/** What height and width are multiplied by, a positive number, or [vertical, horizontal]. */
	readonly scaleFactor?: Pair | undefined;
	/** "nearest" (default) or "bilinear". */
	readonly mode?: "nearest" | "bilinear";
	/** For "bilinear": whether the centres of the corner pixels coincide, not the corners (default false). */
	readonly alignCorners?: boolean;
}

export const interpolateOptions = [
	"size",
	"scaleFactor",
	"mode",
	"alignCorners",
] as const satisfies readonly (keyof InterpolateOptions)[];

/** @throws ArgumentError unless they are options of `interpolate` */
export function planInterpolation(
	name: string,
	[height, width]: readonly [number, number],
	options: InterpolateOptions,
): { readonly size: readonly [number, number]; readonly linear: boolean; readonly constants: Constants } {
	checkOptions(name, options, interpolateOptions);
	const { size: wanted, scaleFactor, mode = "nearest", alignCorners = false } = options;
	checkWord(name, "mode", mode, ["nearest", "bilinear"]);
	checkFlag(name, "alignCorners", alignCorners);
	if ((wanted === undefined) === (scaleFactor === undefined))
		throw new ArgumentError(`${name}: either size or scaleFactor must be given.`);
	const linear = mode === "bilinear";
	if (alignCorners && !linear) throw new ArgumentError(`${name}: alignCorners needs mode "bilinear".`);
	const factors = Array.isArray(scaleFactor) ? (scaleFactor as readonly number[]) : [scaleFactor, scaleFactor];
	if (
		scaleFactor !== undefined &&
		!(factors.length === 2 && factors.every((each) => Number.isFinite(each) && Number(each) > 0))
	)
		throw wrongArgument(name, "scaleFactor", "a positive number, or two of them: [vertical, horizontal]", scaleFactor);
	const from = [height, width] as const;
	const size =
		wanted === undefined
			? ([0, 1].map((axis) => Math.floor(from[axis as 0 | 1] * Number(factors[axis]))) as [number, number])
			: pair(name, "size", wanted, 1);
	if (size.some((length) => length < 1))
		throw new ArgumentError(
			`${name}: scaleFactor ${JSON.stringify(scaleFactor)} leaves nothing of ${formatShape(from)}.`,
		);
	const [scaleY, scaleX] = [0, 1].map((axis) => {
		const at = axis as 0 | 1;
		// As PyTorch: an axis that keeps its size is copied, whatever the factor.
		if (size[at] === from[at]) return 1;
		if (alignCorners) return size[at] > 1 ? (from[at] - 1) / (size[at] - 1) : 0;
		return scaleFactor === undefined ? from[at] / size[at] : 1 / Number(factors[at]);
	}) as [number, number];
	const shift = (scale: number) => (linear && !alignCorners ? 0.5 * scale - 0.5 : 0);
	const constants = { SCALE_Y: scaleY, SCALE_X: scaleX, SHIFT_Y: shift(scaleY), SHIFT_X: shift(scaleX) };
	return { size, linear, constants };
}

/**
 * Images of another size, as torch.nn.functional.interpolate.
 *
 * @param x float32 [N, C, H, W]
 * @returns float32 [N, C, ...size]
 * @throws ShapeError unless x is [N, C, H, W], ArgumentError if the options are wrong, DTypeError
 * @example
 * const doubled = interpolate(x, { scaleFactor: 2, mode: "bilinear" });
 */
export function interpolate(x: Tensor, options: InterpolateOptions): Tensor {
	const name = "interpolate";
	checkTensor(name, "x", x, "float32");
	checkRank(name, "x", x.shape, 4, "[N, C, H, W]");
	const [, , height, width] = x.shape;
	const { size, linear, constants } = planInterpolation(name, [height, width], options);
	const { SCALE_Y, SCALE_X } = constants;
	const isExact = !linear && size[0] * SCALE_Y === height && size[1] * SCALE_X === width;
	const repeated = isExact ? repeatedPixels(x, size) : undefined;
	return resized(name, interpolateKernel, x, size, { ...constants, LINEAR: linear ? 1 : 0 }, repeated);
}
