import nllKernel from "../../kernels/nll.wgsl";
import nllGradKernel from "../../kernels/nll_grad.wgsl";
import { record } from "../autograd/tape.js";
import { checkNumber, checkOptions } from "../base/arguments.js";
import { ShapeError } from "../base/errors.js";
import { formatShape, resolveAxis, sameShape, sizeOf } from "../base/shape.js";
import { checkTensor } from "../tensor/check_tensor.js";
import { arrays } from "../tensor/dtype.js";
import { checkElement } from "../tensor/host_data.js";
import type { AnyTensor, Tensor } from "../tensor/tensor.js";
import { launchBinary } from "./binary.js";
import { commonGpu } from "./check.js";
import { launchElements } from "./launch.js";
import { checkReduction, type LossOptions } from "./loss_options.js";
import { launchSum } from "./sum.js";

export type Targets = Tensor<"uint32"> | Tensor<"int32">;

export interface NLLLossOptions extends LossOptions {
	/** The axis of the classes (default 1, as in [N, C] and [N, C, H, W]). */
	readonly axis?: number;
	/** A target with this value has no loss, and does not count in the mean (default: none). */
	readonly ignoreIndex?: number | undefined;
}

/**
 * Checks the arguments of a loss with classes.
 *
 * @param name of the first argument
 * @returns the axis of the classes, counted from the front
 */
export function checkTargets(
	operation: string,
	name: string,
	x: Tensor,
	targets: Targets,
	{ axis: from = 1, ignoreIndex, reduction = "mean" }: NLLLossOptions,
): number {
	checkTensor(operation, name, x, "float32");
	checkTensor(operation, "targets", targets, "uint32", "int32");
	commonGpu(operation, x, targets);
	const axis = resolveAxis(from, x.shape, operation);
	if (!sameShape(targets.shape, x.shape.toSpliced(axis, 1)))
		throw new ShapeError(
			`${operation}: targets must have the shape of ${name} ${formatShape(x.shape)} without axis ${axis}, but have ${formatShape(targets.shape)}.`,
		);
	if (ignoreIndex !== undefined) {
		checkNumber(operation, "ignoreIndex", ignoreIndex, { whole: true });
		checkElement(operation, "ignoreIndex", ignoreIndex, targets.dtype);
	}
	checkReduction(operation, reduction);
	return axis;
}

/** The loss of checked arguments. @param smoothing the part of each target that is spread over all classes */
export function launchNLL(
	operation: string,
	x: Tensor,
	targets: Targets,
	axis: number,
	{ ignoreIndex, reduction = "mean" }: NLLLossOptions,
	smoothing = 0,
): Tensor {
	const { gpu } = x;
	const ignored = ignoreIndex === undefined ? 0 : new Uint32Array(arrays[targets.dtype].of(ignoreIndex).buffer)[0];
	const uniforms = {
		classes: x.shape[axis],
		inner: sizeOf(x.shape.slice(axis + 1)),
		smoothing,
		ignored,
		hasIgnored: ignoreIndex === undefined ? 0 : 1,
	};
	const own = targets as AnyTensor;
	const [loss, count] = gpu.scope(() => {
		const [losses, counted] = [gpu.empty(targets.shape), gpu.empty(targets.shape)];
		launchElements(nllKernel, targets.size, [x, own, losses, counted], { uniforms });
		const one = gpu.constant(1);
		if (reduction === "none") return [losses, one];
		const sum = launchSum(losses, { r2: losses.size }, []);
		if (reduction === "sum") return [sum, one];
		const count = launchSum(counted, { r2: counted.size }, []);
		return [launchBinary("div", sum, count), count];
	});
	return record(operation, loss, [x], [targets], (dy) => {
		const dx = gpu.empty(x.shape);
		const constants = { PER_TARGET: reduction === "none" ? 1 : 0 };
		launchElements(nllGradKernel, dx.size, [own, dy, count, dx], { constants, uniforms });
		return [dx];
	});
}

/**
 * The mean over all targets of −logProbabilities[target], as torch.nn.functional.nll_loss. A target that is not a
 * class makes it infinite.
 *
 * @param logProbabilities float32 [N, C], [N, C, H, W], or any shape with the classes along `axis`
 * @param targets uint32 or int32, that shape without the axis of the classes
 * @returns float32, a scalar, or the shape of the targets if reduction is "none"
 * @throws ShapeError if the shapes do not match, DTypeError, ArgumentError, DeviceMismatchError
 * @example
 * const loss = nllLoss(logSoftmax(logits, 1), labels);
 */
export function nllLoss(logProbabilities: Tensor, targets: Targets, options: NLLLossOptions = {}): Tensor {
	checkOptions("nllLoss", options, ["axis", "ignoreIndex", "reduction"]);
	const axis = checkTargets("nllLoss", "logProbabilities", logProbabilities, targets, options);
	return launchNLL("nllLoss", logProbabilities, targets, axis, options);
}
