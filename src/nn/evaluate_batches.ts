import { noGrad } from "../autograd/tape.js";
import { checkBatches, checkFunction } from "../base/arguments.js";
import { ArgumentError } from "../base/errors.js";
import type { DataOf, DType } from "../tensor/dtype.js";
import type { AnyTensor, Gpu, Tensor } from "../tensor/tensor.js";

/**
 * The mean of a loss over batches, without recording gradients. Everything is read at once, at the end.
 *
 * @param caller for messages
 * @param lossOf evaluates a batch in a scope: its loss, a scalar, and the batch's weight in the mean
 * @param extras tensors that are read together with the losses and then freed; `lossOf` may add to them
 * @returns the mean, the sum of the weights, and the values of `extras`
 * @throws ArgumentError if there are no batches, or one is not a function
 */
export async function evaluateBatches<Batch>(
	caller: string,
	gpu: Gpu,
	batches: Iterable<() => Batch> | AsyncIterable<() => Batch>,
	lossOf: (batch: Batch) => { readonly loss: Tensor; readonly weight: number },
	extras: AnyTensor[] = [],
): Promise<{ readonly mean: number; readonly weight: number; readonly extras: readonly DataOf<DType>[] }> {
	const losses: Tensor[] = [];
	const weights: number[] = [];
	try {
		checkBatches(caller, batches);
		for await (const batch of batches) {
			await gpu.throttle();
			checkFunction(caller, "a batch", batch);
			const { loss, weight } = gpu.scope(() => noGrad(() => lossOf(batch())));
			losses.push(gpu.keep(loss));
			weights.push(weight);
		}
		if (losses.length === 0) throw new ArgumentError(`${caller}: batches must hold at least one batch, but are empty.`);
		const values = await gpu.readAll([...extras, ...losses]);
		const read = values.splice(0, extras.length);
		const weight = weights.reduce((sum, weight) => sum + weight, 0);
		const total = values.reduce((sum, [loss], i) => sum + loss * weights[i], 0);
		return { mean: total / weight, weight, extras: read };
	} finally {
		for (const tensor of [...losses, ...extras]) tensor.dispose();
	}
}
