import mseKernel from "../../kernels/mse.wgsl";
import mseGradKernel from "../../kernels/mse_grad.wgsl";
import { record } from "../autograd/tape.js";
import { checkNumber, checkOptions } from "../base/arguments.js";
import { ShapeError } from "../base/errors.js";
import { formatShape, sameShape } from "../base/shape.js";
import { checkTensor } from "../tensor/check_tensor.js";
import { type Layout, wordsOf } from "../tensor/layout.js";
import type { Tensor } from "../tensor/tensor.js";
import { mul, sub } from "./binary.js";
import { commonGpu } from "./check.js";
import { checkReduction, type LossOptions } from "./loss_options.js";
import { scale as scaled } from "./scale.js";
import { launchSum } from "./sum.js";

/** Elements that a workgroup sums up. */
const chunk = 4096;

export interface MSELossOptions extends LossOptions {
	/** Multiplies the mean, e.g. by 1 / variance (default 1). */
	readonly scale?: number;
}

/**
 * scale · the mean of (a − b)² over all elements, or as `reduction` says, as torch.nn.functional.mse_loss.
 *
 * @param a float32, any shape
 * @param b float32, the same shape: nothing is broadcast
 * @returns float32, a scalar, or the shape of a if reduction is "none"
 * @throws ShapeError if the shapes differ, ArgumentError if the scale is not finite, DTypeError, DeviceMismatchError
 * @example
 * const loss = mseLoss(model.forward(x), target);
 */
export function mseLoss(a: Tensor, b: Tensor, options: MSELossOptions = {}): Tensor {
	checkTensor("mseLoss", "a", a, "float32");
	checkTensor("mseLoss", "b", b, "float32");
	const gpu = commonGpu("mseLoss", a, b);
	checkOptions("mseLoss", options, ["scale", "reduction"]);
	const { scale: factor = 1, reduction = "mean" } = options;
	checkReduction("mseLoss", reduction);
	checkNumber("mseLoss", "scale", factor);
	if (!sameShape(a.shape, b.shape))
		throw new ShapeError(
			`mseLoss: a has shape ${formatShape(a.shape)}, but b has ${formatShape(b.shape)}; they must be equal.`,
		);
	if (reduction === "none") {
		const difference = sub(a, b);
		return scaled(mul(difference, difference), factor);
	}
	const scale = reduction === "sum" ? factor * a.size : factor;
	const loss = gpu.scope(() => {
		const partial = launchSquares(a, b);
		return launchSum(partial, { r2: partial.size }, [], scale / a.size);
	});
	return recordMSELoss(loss, a, b, scale);
}

/** Partial sums of (a − b)², float32 [workgroups, 64]. */
export function launchSquares(a: Tensor, b: Tensor): Tensor {
	const { gpu } = a;
	const workgroups = Math.ceil(a.size / chunk);
	const partial = gpu.empty([workgroups, 64]);
	gpu.launch(mseKernel, {
		constants: { CHUNK: chunk },
		bindings: [a, b, partial].map((tensor) => tensor.memory()),
		workgroups,
	});
	return partial;
}

export function recordMSELoss(loss: Tensor, a: Tensor, b: Tensor, scale: number): Tensor {
	const factor = (2 * scale) / a.size;
	return record("mseLoss", loss, [a, b], [a, b], (gradient, take) => [
		a.requiresGrad ? launchMSEGradient(a, b, "contiguous", gradient, factor, take(0)) : null,
		b.requiresGrad ? launchMSEGradient(b, a, "contiguous", gradient, factor, take(1)) : null,
	]);
}

/**
 * factor · dy · (a − b), the gradient of factor/2 · Σ (a − b)².
 *
 * @param layout of a and b; if blocked, they are equal in the images that fill up the last block
 * @param sofar another gradient of a, which is added and disposed of
 */
export function launchMSEGradient(
	a: Tensor,
	b: Tensor,
	layout: Layout,
	dy: Tensor,
	factor: number,
	sofar?: Tensor,
): Tensor {
	const { gpu, shape } = a;
	return gpu.scope(() => {
		const da = gpu.empty(shape, "float32", layout);
		gpu.launch(mseGradKernel, {
			constants: { HAS_ADDED: sofar === undefined ? 0 : 1 },
			bindings: [...[a, b, sofar ?? a, da].map((tensor) => tensor.memory(layout)), dy.memory()],
			uniforms: { factor },
			workgroups: Math.ceil(wordsOf(shape, layout) / 64),
		});
		sofar?.dispose();
		return da;
	});
}
