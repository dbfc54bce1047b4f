import normApplyKernel from "../../kernels/norm_apply.wgsl";
import normGradKernel from "../../kernels/norm_grad.wgsl";
import normGradApplyKernel from "../../kernels/norm_grad_apply.wgsl";
import runningStatsKernel from "../../kernels/running_stats.wgsl";
import { record } from "../autograd/tape.js";
import { checkArray, checkFlag, checkNumber, checkOptions, wrongArgument } from "../base/arguments.js";
import { ArgumentError, ShapeError } from "../base/errors.js";
import { formatShape, type Shape, sameShape, sizeOf } from "../base/shape.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Tensor } from "../tensor/tensor.js";
import { add, div, mul, sub } from "./binary.js";
import { checkRank, commonGpu } from "./check.js";
import { launchElements } from "./launch.js";
import { type Affine, launchMoments, type RowView, shareRows, weightSizes } from "./moments.js";
import { reshape } from "./reshape.js";
import { launchReducedSum, launchSum } from "./sum.js";
import { sqrt } from "./unary.js";

export interface NormOptions {
	/** What the normalised elements are multiplied by (default: nothing). */
	readonly weight?: Tensor | undefined;
	/** What is added to them (default: nothing). */
	readonly bias?: Tensor | undefined;
	/** ε, added to the variance (default 1e-5). */
	readonly eps?: number;
}

/** @throws ArgumentError, ShapeError, DTypeError, DeviceMismatchError unless the tensors that are given have the shape */
function checkShapes(
	operation: string,
	x: Tensor,
	tensors: Readonly<Record<string, Tensor | undefined>>,
	shape: Shape,
): void {
	for (const [name, tensor] of Object.entries(tensors)) {
		if (tensor === undefined) continue;
		checkTensor(operation, name, tensor, "float32");
		commonGpu(operation, x, tensor);
		if (!sameShape(tensor.shape, shape))
			throw new ShapeError(
				`${operation}: ${name} must have shape ${formatShape(shape)}, but has ${formatShape(tensor.shape)}.`,
			);
	}
}

/** @returns ε @throws as `checkShapes` */
function checkNorm(operation: string, x: Tensor, { weight, bias, eps = 1e-5 }: NormOptions, shape: Shape): number {
	checkShapes(operation, x, { weight, bias }, shape);
	return checkNumber(operation, "eps", eps, { least: 0 });
}

/** Rows normalised to mean 0 and variance 1, with weight and bias; what the operations of this file are. */
interface Normalisation {
	readonly name: string;
	readonly view: RowView;
	readonly eps: number;
	/** Neighbouring elements with one weight. */
	readonly inner: number;
	/** The shape of weight and bias. */
	readonly weightShape: Shape;
	/** Over which axes of x, read as `weightView`, the gradients of weight and bias are summed. */
	readonly weightView: Shape;
	readonly summed: readonly boolean[];
	readonly options: NormOptions;
}

function normalise(x: Tensor, of: Normalisation): { readonly y: Tensor; readonly moments: Tensor } {
	const { name, view, eps: epsilon, inner, weightShape, options } = of;
	const { gpu } = x;
	const { k1, r1, r2, k2 } = view;
	const count = r1 * r2;
	const { weight, bias } = options;
	const given = [weight, bias].filter((tensor) => tensor !== undefined);
	/** With ones and zeros for one that is missing next to the other. */
	const affineOf = (): Affine | undefined =>
		given.length === 0
			? undefined
			: { weight: weight ?? gpu.ones(weightShape), bias: bias ?? gpu.zeros(weightShape), inner };
	const [y, moments] = gpu.scope(() => {
		const affine = affineOf();
		const { moments, y } = launchMoments(x, view, { epsilon, affine });
		if (y !== undefined) return [y, moments];
		const out = gpu.empty(x.shape);
		launchElements(normApplyKernel, out.size, [x, moments, affine?.weight ?? x, affine?.bias ?? x, out], {
			constants: { AFFINE: affine === undefined ? 0 : 1 },
			uniforms: { k1, r2, k2, count, epsilon, ...weightSizes(affine) },
		});
		return [out, moments];
	});
	record(name, y, [x, ...given], [x, ...(weight === undefined ? [] : [weight])], (dy) =>
		gpu.scope(() => {
			const affine = weight === undefined ? undefined : { weight, bias: weight, inner };
			const sizes = { count, epsilon, ...weightSizes(affine) };
			const constants = { AFFINE: affine === undefined ? 0 : 1 };
			const factor = affine?.weight ?? x;
			const dx = x.requiresGrad ? gpu.empty(x.shape) : null;
			if (dx !== null) {
				const shares = shareRows(gpu, view, count);
				const apply = shares.parts === 1;
				const partial = gpu.empty([shares.parts, 2, k1 * k2]);
				gpu.launch(normGradKernel, {
					constants: { ...constants, LANES: shares.lanes, TREE: shares.tree ? 1 : 0, APPLY: apply ? 1 : 0 },
					bindings: [x, dy, moments, factor, apply ? dx : gpu.empty([1]), partial].map((tensor) => tensor.memory()),
					uniforms: { ...view, splits: shares.splits, ...sizes },
					workgroups: shares.workgroups,
				});
				if (!apply) {
					const sums = launchSum(partial, { r2: shares.parts, k2: 2 * k1 * k2 }, [2, k1 * k2]);
					launchElements(normGradApplyKernel, dx.size, [x, dy, moments, sums, factor, dx], {
						constants: { ...constants, PRODUCT: 0 },
						uniforms: { k1, r2, k2, ...sizes },
					});
				}
			}
			const { weightView, summed } = of;
			const gradients = given.map((tensor) => {
				if (!tensor.requiresGrad) return null;
				let products = dy;
				if (tensor === weight) {
					products = gpu.empty(x.shape);
					launchElements(normGradApplyKernel, x.size, [x, dy, moments, moments, factor, products], {
						constants: { AFFINE: 0, PRODUCT: 1 },
						uniforms: { k1, r2, k2, ...sizes },
					});
				}
				return launchReducedSum(products.share(weightView), summed, weightShape, 1);
			});
			return [dx, ...gradients];
		}),
	);
	return { y, moments };
}

/**
 * Each of the parts of x along its last axes normalised to mean 0 and variance 1, as
 * torch.nn.functional.layer_norm (Ba, Kiros & Hinton, "Layer normalization", 2016).
 *
 * @param x float32 [..., ...normalizedShape]
 * @param normalizedShape the last lengths of x, or the last one
 * @param options.weight float32, of the normalized shape
 * @param options.bias float32, of the normalized shape
 * @returns float32, the shape of x
 * @throws ShapeError if the shapes do not match, ArgumentError, DTypeError, DeviceMismatchError
 * @example
 * const y = layerNorm(x, 64, { weight, bias });
 */
export function layerNorm(x: Tensor, normalizedShape: number | Shape, options: NormOptions = {}): Tensor {
	const name = "layerNorm";
	checkTensor(name, "x", x, "float32");
	const shape = typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape;
	checkArray(name, "normalizedShape", shape, "the last lengths of x such as [64]");
	const first = x.shape.length - shape.length;
	if (shape.length === 0 || first < 0 || !sameShape(x.shape.slice(first), shape))
		throw new ShapeError(
			`${name}: normalizedShape must be the last lengths of x ${formatShape(x.shape)}, but is ${formatShape(shape)}.`,
		);
	checkOptions(name, options, ["weight", "bias", "eps"]);
	const eps = checkNorm(name, x, options, shape);
	const length = sizeOf(shape);
	const rows = x.size / length;
	return normalise(x, {
		name,
		view: { r1: 1, k1: rows, r2: length, k2: 1 },
		eps,
		inner: 1,
		weightShape: shape,
		weightView: [rows, length],
		summed: [true, false],
		options,
	}).y;
}

/**
 * The channels of each image normalised in groups to mean 0 and variance 1, as torch.nn.functional.group_norm
 * (Wu & He, "Group normalization", 2018).
 *
 * @param x float32 [N, C, ...]
 * @param groups a divisor of C; 1 normalises each image, C each channel of it
 * @param options.weight float32 [C]
 * @param options.bias float32 [C]
 * @returns float32, the shape of x
 * @throws ShapeError if the shapes do not match, ArgumentError, DTypeError, DeviceMismatchError
 */
export function groupNorm(x: Tensor, groups: number, options: NormOptions = {}): Tensor {
	const name = "groupNorm";
	checkTensor(name, "x", x, "float32");
	if (x.shape.length < 2)
		throw new ShapeError(`${name}: x must be [N, C, ...], but has shape ${formatShape(x.shape)}.`);
	const [batch, channels, ...plane] = x.shape;
	checkNumber(name, "groups", groups, { least: 1, whole: true });
	if (channels % groups !== 0)
		throw new ArgumentError(`${name}: groups is ${groups}, but must divide the ${channels} channels of x.`);
	checkOptions(name, options, ["weight", "bias", "eps"]);
	const eps = checkNorm(name, x, options, [channels]);
	const inner = sizeOf(plane);
	return normalise(x, {
		name,
		view: { r1: 1, k1: batch * groups, r2: (channels / groups) * inner, k2: 1 },
		eps,
		inner,
		weightShape: [channels],
		weightView: [batch, channels, inner],
		summed: [true, false, true],
		options,
	}).y;
}

export interface BatchNormOptions extends NormOptions {
	/** Whether the statistics are those of x (true), or the running ones (default false). */
	readonly training?: boolean;
	/** float32 [C]; needed if `training` is false. If it is true they are updated in place. */
	readonly runningMean?: Tensor | undefined;
	/** float32 [C], likewise. */
	readonly runningVar?: Tensor | undefined;
	/** The weight of the new statistics in the running ones (default 0.1). */
	readonly momentum?: number;
}

/**
 * Each channel normalised to mean 0 and variance 1 over images and positions, as torch.nn.functional.batch_norm (Ioffe &
 * Szegedy, "Batch normalization", 2015).
 *
 * @param x float32 [N, C, H, W]
 * @param options.weight float32 [C]
 * @param options.bias float32 [C]
 * @returns float32 [N, C, H, W]
 * @throws ShapeError if the shapes do not match or a channel has one element in training, ArgumentError, DTypeError,
 * DeviceMismatchError
 * @example
 * const y = batchNorm2d(x, { runningMean, runningVar, weight, bias, training: true });
 */
export function batchNorm2d(x: Tensor, options: BatchNormOptions = {}): Tensor {
	const name = "batchNorm2d";
	checkTensor(name, "x", x, "float32");
	checkRank(name, "x", x.shape, 4, "[N, C, H, W]");
	checkOptions(name, options, ["weight", "bias", "eps", "training", "runningMean", "runningVar", "momentum"]);
	const { training = false, runningMean, runningVar, momentum = 0.1, weight, bias } = options;
	checkFlag(name, "training", training);
	checkNumber(name, "momentum", momentum, { least: 0, most: 1 });
	const [batch, channels, height, width] = x.shape;
	const eps = checkNorm(name, x, options, [channels]);
	checkShapes(name, x, { runningMean, runningVar }, [channels]);
	if ((runningMean === undefined) !== (runningVar === undefined))
		throw new ArgumentError(`${name}: runningMean and runningVar must be given together.`);
	if (!training) {
		if (runningMean === undefined || runningVar === undefined)
			throw wrongArgument(name, "runningMean", "a tensor unless training is true", runningMean);
		const column = (tensor: Tensor) => reshape(tensor, [channels, 1, 1]);
		const normalised = div(sub(x, column(runningMean)), sqrt(add(column(runningVar), eps)));
		const scaled = weight === undefined ? normalised : mul(normalised, column(weight));
		return bias === undefined ? scaled : add(scaled, column(bias));
	}
	const count = batch * height * width;
	if (count === 1)
		throw new ShapeError(
			`${name}: a channel must have more than one element in training, but x has shape ${formatShape(x.shape)}.`,
		);
	const inner = height * width;
	const { y, moments } = normalise(x, {
		name,
		view: { r1: batch, k1: channels, r2: inner, k2: 1 },
		eps,
		inner,
		weightShape: [channels],
		weightView: [batch, channels, inner],
		summed: [true, false, true],
		options,
	});
	if (runningMean !== undefined && runningVar !== undefined)
		launchElements(runningStatsKernel, channels, [moments, runningMean, runningVar], { uniforms: { momentum, count } });
	return y;
}
