import type { AnyTensor, Capture, Gpu } from "../tensor/tensor.js";

/**
 * A training step that was captured (see `Gpu.capture`), with tensors of its own from which it reads its
 * batch.
 */
export class CapturedStep<Losses> {
	private readonly step: Capture<Losses>;

	/**
	 * Call it in a scope, which frees the inputs if the step cannot be captured.
	 *
	 * @param key what the step depends on besides the values in its batch, such as the batch's shape
	 * @param inputs the tensors from which `step` reads its batch; the captured step owns and frees them
	 * @throws CaptureError
	 */
	constructor(
		private readonly gpu: Gpu,
		readonly key: string,
		private readonly inputs: readonly AnyTensor[],
		step: () => Losses,
	) {
		this.step = gpu.capture(step);
		for (const input of inputs) gpu.keep(input);
	}

	/**
	 * Runs the step on another batch. What it returns is overwritten by the next replay.
	 *
	 * @param batch of the inputs' shapes and dtypes, in their order
	 */
	replay(batch: readonly AnyTensor[]): Losses {
		for (const [i, input] of this.inputs.entries()) this.gpu.copy(batch[i] as typeof input, input);
		return this.step.replay();
	}

	dispose(): void {
		this.step.dispose();
		for (const input of this.inputs) input.dispose();
	}
}
