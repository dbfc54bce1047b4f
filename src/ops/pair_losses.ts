import pairLossKernel from "../../kernels/pair_loss.wgsl";
import pairLossGradKernel from "../../kernels/pair_loss_grad.wgsl";
import { record } from "../autograd/tape.js";
import { checkNumber, checkOptions } from "../base/arguments.js";
import { ShapeError } from "../base/errors.js";
import { formatShape, sameShape } from "../base/shape.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Tensor } from "../tensor/tensor.js";
import { commonGpu } from "./check.js";
import { launchElements } from "./launch.js";
import { checkReduction, type LossOptions } from "./loss_options.js";
import { launchSum } from "./sum.js";

/** The values of OPERATION in kernels/pair_loss.wgsl and kernels/pair_loss_grad.wgsl. */
const operations = { l1Loss: 0, smoothL1Loss: 1, binaryCrossEntropyWithLogits: 2 } as const;

/** Vectors that a workgroup adds up. */
const chunk = 2048;

function pairLoss(
	operation: keyof typeof operations,
	names: readonly [string, string],
	[a, b]: readonly [Tensor, Tensor],
	{ reduction = "mean" }: LossOptions,
	beta = 1,
): Tensor {
	checkTensor(operation, names[0], a, "float32");
	checkTensor(operation, names[1], b, "float32");
	const gpu = commonGpu(operation, a, b);
	checkReduction(operation, reduction);
	if (!sameShape(a.shape, b.shape))
		throw new ShapeError(
			`${operation}: ${names[0]} has shape ${formatShape(a.shape)}, but ${names[1]} has ${formatShape(b.shape)}; they must be equal.`,
		);
	const constants = { OPERATION: operations[operation] };
	const loss = gpu.scope(() => {
		const none = reduction === "none";
		const groups = Math.floor(a.size / (4 * chunk)) + 1;
		const losses = gpu.empty(none ? a.shape : [groups, 64, 4]);
		launchElements(pairLossKernel, losses.size / 4, [a, b, losses], {
			constants: { ...constants, CHUNK: none ? 0 : chunk },
			uniforms: { beta, count: a.size },
		});
		return none ? losses : launchSum(losses, { r2: losses.size }, [], reduction === "mean" ? 1 / a.size : 1);
	});
	const factor = reduction === "mean" ? 1 / a.size : 1;
	return record(operation, loss, [a, b], [a, b], (gradient) =>
		[a, b].map((operand, side) => {
			if (!operand.requiresGrad) return null;
			const dx = gpu.empty(a.shape);
			launchElements(pairLossGradKernel, a.size / 4, [a, b, gradient, dx], {
				constants: { ...constants, SIDE: side, PER_ELEMENT: reduction === "none" ? 1 : 0 },
				uniforms: { beta, factor },
			});
			return dx;
		}),
	);
}

/**
 * The mean of |a − b| over all elements, as torch.nn.functional.l1_loss.
 *
 * @param a float32, any shape
 * @param b float32, the same shape: nothing is broadcast
 * @returns float32, a scalar, or the shape of a if reduction is "none"
 * @throws ShapeError if the shapes differ, DTypeError, ArgumentError, DeviceMismatchError
 */
export function l1Loss(a: Tensor, b: Tensor, options: LossOptions = {}): Tensor {
	checkOptions("l1Loss", options, ["reduction"]);
	return pairLoss("l1Loss", ["a", "b"], [a, b], options);
}

export interface SmoothL1LossOptions extends LossOptions {
	/** The difference below which the loss is quadratic (default 1). */
	readonly beta?: number;
}

/**
 * As `l1Loss`, but differences d below beta count d² / (2 · beta), larger ones |d| − beta / 2, as
 * torch.nn.functional.smooth_l1_loss.
 */
export function smoothL1Loss(a: Tensor, b: Tensor, options: SmoothL1LossOptions = {}): Tensor {
	checkOptions("smoothL1Loss", options, ["reduction", "beta"]);
	const { beta = 1 } = options;
	checkNumber("smoothL1Loss", "beta", beta, { above: 0 });
	return pairLoss("smoothL1Loss", ["a", "b"], [a, b], options, beta);
}

/**
 * The mean of −target · log p − (1 − target) · log(1 − p) with p = sigmoid(logits), in nats, without overflow, as
 * torch.nn.functional.binary_cross_entropy_with_logits.
 *
 * @param logits float32, any shape
 * @param targets float32, probabilities in [0, 1], the same shape
 * @returns float32, a scalar, or the shape of the logits if reduction is "none"
 * @throws ShapeError if the shapes differ, DTypeError, ArgumentError, DeviceMismatchError
 * @example
 * const loss = binaryCrossEntropyWithLogits(decoder.forward(z), images);
 */
export function binaryCrossEntropyWithLogits(logits: Tensor, targets: Tensor, options: LossOptions = {}): Tensor {
	const name = "binaryCrossEntropyWithLogits";
	checkOptions(name, options, ["reduction"]);
	return pairLoss(name, ["logits", "targets"], [logits, targets], options);
}
