import lossSumsKernel from "../../kernels/loss_sums.wgsl";
import { record } from "../autograd/tape.js";
import type { Tensor } from "../tensor/tensor.js";
import { launchSquares, recordMSELoss } from "./mse_loss.js";
import { launchSum } from "./sum.js";

/** Partial sums that the one workgroup of kernels/loss_sums.wgsl adds up, at most. */
const mostSummands = 2 ** 14;

/** Two scalars that one launch computes. */
export interface LossSums {
	/** factor · the sum of the partial sums */
	readonly mean: Tensor;
	/** weight · mean + added */
	readonly total: Tensor;
}

/**
 * @param partial float32 [workgroups, 64]
 * @param added float32, a scalar
 */
export function launchLossSums(partial: Tensor, factor: number, weight: number, added?: Tensor): LossSums {
	const { gpu } = partial;
	return gpu.scope(() => {
		const mean = gpu.empty([]);
		const total = gpu.empty([]);
		const few = partial.size <= mostSummands ? partial : launchSum(partial, { r1: partial.shape[0], k1: 64 }, [64]);
		gpu.launch(lossSumsKernel, {
			constants: { HAS_ADDED: added === undefined ? 0 : 1 },
			bindings: [few, added ?? few, mean, total].map((tensor) => tensor.memory()),
			uniforms: { factor, weight },
			workgroups: 1,
		});
		return { mean, total };
	});
}

/**
 * `mseLoss(a, b, { scale })`, and its sum with another loss.
 *
 * @param other float32, one element
 */
export function mseLossPlus(a: Tensor, b: Tensor, scale: number, other: Tensor): { loss: Tensor; total: Tensor } {
	const { mean, total } = a.gpu.scope(() => launchLossSums(launchSquares(a, b), scale / a.size, 1, other));
	const loss = recordMSELoss(mean, a, b, scale);
	// The other loss first: its backward pass then comes last, and can add to the gradients that the
	// network's has computed.
	record("mseLossPlus", total, [other, loss], [], (gradient) => [
		other.requiresGrad ? gradient.share(other.shape) : null,
		loss.requiresGrad ? gradient.share() : null,
	]);
	return { loss, total };
}
