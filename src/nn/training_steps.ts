import { checkArray, wrongArgument } from "../base/arguments.js";
import type { DivergenceError } from "../base/errors.js";
import type { DataOf, DType } from "../tensor/dtype.js";
import type { AnyTensor, Gpu } from "../tensor/tensor.js";
import { diverged } from "./diverged.js";

/**
 * The steps of a training: numbers them, reads their losses, and ends the training when a loss is not finite.
 */
export class TrainingSteps<Losses extends object> {
	private count = 0;
	private readonly numberOf = new WeakMap<Losses, number>();
	private divergence: DivergenceError | undefined;

	/** @param trainer the trainer's class, for messages */
	constructor(
		private readonly gpu: Gpu,
		private readonly trainer: string,
	) {}

	/** How many steps were taken; inside a step its own number, counted from 1. */
	get taken(): number {
		return this.count;
	}

	/** Continues from a number of steps. */
	set taken(count: number) {
		this.count = count;
	}

	/**
	 * Takes a step. One that throws does not count.
	 *
	 * @throws DivergenceError if `checkFinite` has thrown one
	 */
	take(step: () => Losses): Losses {
		if (this.divergence !== undefined) throw this.divergence;
		this.count++;
		try {
			const losses = step();
			this.numberOf.set(losses, this.count);
			return losses;
		} catch (error) {
			this.count--;
			throw error;
		}
	}

	/**
	 * Reads and frees the losses of steps, all at once.
	 *
	 * @param name of the argument of `readLosses`, for messages
	 * @param tensorsOf what is read and freed for a step
	 * @returns for each step its number, counted from 1, and the values of its tensors
	 * @throws ArgumentError unless each of `losses` is what a step returned
	 */
	async read(
		name: string,
		losses: readonly Losses[],
		tensorsOf: (losses: Losses) => readonly AnyTensor[],
	): Promise<{ readonly step: number; readonly values: readonly DataOf<DType>[] }[]> {
		const caller = `${this.trainer}.readLosses`;
		checkArray(caller, name, losses, "an array of what step() returned");
		const steps = Array.from(losses, (of, i) => {
			const step = this.numberOf.get(of);
			if (step !== undefined) return { step, tensors: tensorsOf(of) };
			throw wrongArgument(caller, `${name}[${i}]`, "what a step of this trainer returned", of);
		});
		const tensors = steps.flatMap((step) => step.tensors);
		const values = await this.gpu.readAll(tensors);
		for (const tensor of tensors) tensor.dispose();
		return steps.map(({ step, tensors }) => ({ step, values: values.splice(0, tensors.length) }));
	}

	/**
	 * @param records of steps, in their order
	 * @param lr the optimizer's learning rate, for the message
	 * @throws DivergenceError naming the first step whose loss is not finite, with the records of those
	 * before it
	 */
	checkFinite<R extends { readonly step: number }>(
		records: readonly R[],
		lossOf: (record: R) => number,
		lr: number,
	): void {
		const first = records.findIndex((record) => !Number.isFinite(lossOf(record)));
		const record = records[first];
		if (record === undefined) return;
		this.divergence = diverged(this.trainer, record.step, lossOf(record), lr, records.slice(0, first));
		throw this.divergence;
	}
}
