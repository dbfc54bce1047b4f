import crossEntropyKernel from "../../kernels/cross_entropy.wgsl";
import crossEntropyGradKernel from "../../kernels/cross_entropy_grad.wgsl";
import { record } from "../autograd/tape.js";
import { checkNumber, checkOptions } from "../base/arguments.js";
import { sizeOf } from "../base/shape.js";
import { blockSize, blocksOf } from "../tensor/layout.js";
import type { Tensor } from "../tensor/tensor.js";
import { launchElements } from "./launch.js";
import { checkTargets, launchNLL, type NLLLossOptions, type Targets } from "./nll_loss.js";
import { launchSoftmax, logSoftmax } from "./softmax.js";
import { launchSum } from "./sum.js";

const name = "crossEntropy";

export interface CrossEntropyOptions extends NLLLossOptions {
	/** The part of each target that is spread evenly over all classes, in [0, 1] (default 0). */
	readonly labelSmoothing?: number;
}

/**
 * The mean over all targets of −log softmax(logits)[target], in nats, as torch.nn.functional.cross_entropy. A target that is not a
 * class makes it infinite; its logits get no gradient.
 *
 * @param logits float32 [N, C], [N, C, H, W], or any shape with the classes along `axis`
 * @param targets uint32 or int32, the logits' shape without the axis of the classes
 * @returns float32, a scalar, or the shape of the targets if reduction is "none"
 * @throws ShapeError if the shapes do not match, DTypeError, ArgumentError if there is no such axis, DeviceMismatchError
 * @example
 * const loss = crossEntropy(logits, gpu.tensor(Uint32Array.of(3, 0, 7)));
 */
export function crossEntropy(logits: Tensor, targets: Targets, options: CrossEntropyOptions = {}): Tensor {
	checkOptions(name, options, ["axis", "ignoreIndex", "labelSmoothing", "reduction"]);
	const { labelSmoothing = 0, ignoreIndex, reduction = "mean" } = options;
	checkNumber(name, "labelSmoothing", labelSmoothing, { least: 0, most: 1 });
	const axis = checkTargets(name, "logits", logits, targets, options);
	if (labelSmoothing > 0 || ignoreIndex !== undefined || reduction !== "mean")
		return launchNLL(name, logSoftmax(logits, axis), targets, axis, options, labelSmoothing);
	const blocked = axis === 1 && logits.layout === "blocked";
	return blocked ? blockedCrossEntropy(logits, targets) : contiguousCrossEntropy(logits, targets, axis);
}

function contiguousCrossEntropy(logits: Tensor, targets: Targets, axis: number): Tensor {
	const { gpu } = logits;
	const constants = { CLASSES: logits.shape[axis], INNER: sizeOf(logits.shape.slice(axis + 1)) };
	const factor = 1 / targets.size;
	const [loss, logProbabilities] = gpu.scope(() => {
		const logProbabilities = launchSoftmax(logits, axis, true);
		const losses = gpu.empty([targets.size]);
		launchElements(crossEntropyKernel, losses.size, [logProbabilities, targets, losses], { constants });
		return [launchSum(losses, { r2: losses.size }, [], factor), logProbabilities] as const;
	});
	return record(name, loss, [logits], [targets], (gradient) => {
		const dx = gpu.empty(logits.shape);
		const tensors = [logProbabilities, targets, gradient, dx] as const;
		launchElements(crossEntropyGradKernel, dx.size, tensors, { constants, uniforms: { factor } });
		return [dx];
	});
}

/** Of blocked logits [N, C, …]. It keeps the maximum and the sum of exponentials of each target, not the probabilities. */
function blockedCrossEntropy(logits: Tensor, targets: Targets): Tensor {
	const { gpu, shape } = logits;
	const [batch, classes, ...positions] = shape;
	const plane = sizeOf(positions);
	const rows = blocksOf(batch) * plane * blockSize;
	const constants = { CLASSES: classes };
	const factor = 1 / targets.size;
	const workgroups = Math.ceil(rows / 4 / 64);
	const [loss, maxima, sums] = gpu.scope(() => {
		const [losses, maxima, sums] = [gpu.empty([rows]), gpu.empty([rows]), gpu.empty([rows])];
		gpu.launch(gpu.blockedKernels.crossEntropy, {
			constants,
			bindings: [logits.memory("blocked"), ...[targets, losses, maxima, sums].map((tensor) => tensor.memory())],
			uniforms: { batch, plane },
			workgroups,
		});
		return [launchSum(losses, { r2: rows }, [], factor), maxima, sums] as const;
	});
	return record(name, loss, [logits], [logits, targets], (gradient) =>
		gpu.scope(() => {
			const dx = gpu.empty(shape, "float32", "blocked");
			const between = [targets, maxima, sums, gradient].map((tensor) => tensor.memory());
			gpu.launch(gpu.blockedKernels.crossEntropyGrad, {
				constants,
				bindings: [logits.memory("blocked"), ...between, dx.memory("blocked")],
				uniforms: { batch, plane, factor },
				workgroups,
			});
			return [dx];
		}),
	);
}
