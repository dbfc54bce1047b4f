import crossEntropyKernel from "../../kernels/cross_entropy.wgsl";
import crossEntropyGradKernel from "../../kernels/cross_entropy_grad.wgsl";
import { record } from "../autograd/tape.js";
import { checkOptions } from "../base/arguments.js";
import { ShapeError } from "../base/errors.js";
import { formatShape, resolveAxis, sameShape, sizeOf } from "../base/shape.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Tensor } from "../tensor/tensor.js";
import { commonGpu } from "./check.js";
import { launchElements } from "./launch.js";
import { computeSoftmax } from "./softmax.js";
import { sumOver } from "./sum.js";

export interface CrossEntropyOptions {
	/** The axis of the classes (default 1, as in [N, C] and [N, C, H, W]). */
	readonly axis?: number;
}

/**
 * The mean over all targets of −log softmax(logits)[target], in nats. A target that is not a class makes it infinite; the
 * logits of its row get no gradient.
 *
 * @param logits float32
 * @param targets uint32 or int32, of the logits' shape without the axis of the classes
 * @returns a scalar
 * @throws ShapeError, DTypeError, ArgumentError, DeviceMismatchError
 */
export function crossEntropy(
	logits: Tensor,
	targets: Tensor<"uint32"> | Tensor<"int32">,
	options: CrossEntropyOptions = {},
): Tensor {
	const name = "crossEntropy";
	checkTensor(name, "logits", logits, "float32");
	checkTensor(name, "targets", targets, "uint32", "int32");
	const gpu = commonGpu(name, logits, targets);
	checkOptions(name, options, ["axis"]);
	const { axis: from = 1 } = options;
	const axis = resolveAxis(from, logits.shape, name);
	if (!sameShape(targets.shape, logits.shape.toSpliced(axis, 1)))
		throw new ShapeError(
			`${name}: targets must have the shape of logits ${formatShape(logits.shape)} without axis ${axis}, but have ${formatShape(targets.shape)}.`,
		);
	const constants = { CLASSES: logits.shape[axis], INNER: sizeOf(logits.shape.slice(axis + 1)) };
	const [loss, logProbabilities] = gpu.scope(() => {
		const logProbabilities = computeSoftmax(logits, axis, true);
		const losses = gpu.empty([targets.size]);
		launchElements(crossEntropyKernel, losses.size, [logProbabilities, targets, losses], constants);
		return [sumOver(losses, { r2: losses.size }, [], 1 / losses.size), logProbabilities] as const;
	});
	return record(name, loss, [logits], [targets], (gradient) => {
		const dx = gpu.empty(logits.shape);
		const scalars = gpu.uniform(Float32Array.of(1 / targets.size));
		launchElements(crossEntropyGradKernel, dx.size, [logProbabilities, targets, gradient, dx, scalars], constants);
		return [dx];
	});
}
