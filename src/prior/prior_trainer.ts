import { checkFlag, checkInstance, checkNumber, checkOptions, wrongArgument } from "../base/arguments.js";
import { ArgumentError } from "../base/errors.js";
import { checkShape, type Shape } from "../base/shape.js";
import { Adam, type AdamOptions, adamOptions, checkAdamOptions } from "../nn/adam.js";
import { CapturedStep } from "../nn/captured_step.js";
import { notFinite } from "../nn/diverged.js";
import { evaluateBatches } from "../nn/evaluate_batches.js";
import { cosineDecay } from "../nn/learning_rate.js";
import type { StateValue } from "../nn/module.js";
import { loadTraining, saveTraining } from "../nn/training_state.js";
import { TrainingSteps } from "../nn/training_steps.js";
import { backward } from "../ops/backward.js";
import { checkSeed } from "../ops/codes/sample_codes.js";
import { crossEntropy } from "../ops/cross_entropy.js";
import { checkDropout, type SeededDropout } from "../ops/dropout.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { AnyTensor, Gpu, Tensor } from "../tensor/tensor.js";
import { GatedPixelCNN } from "./gated_pixel_cnn.js";

/** Codes, and their classes for a prior with classes. */
export interface CodeBatch {
	/** uint32 [B, h, w], each below `numEmbeddings` */
	readonly codes: Tensor<"uint32">;
	/** uint32 [B], each below `numClasses` */
	readonly labels?: Tensor<"uint32"> | undefined;
}

export interface PriorTrainerOptions extends AdamOptions {
	/** How many steps the training has; the learning rate falls to zero over them. */
	readonly steps: number;
	/** Steps over which the learning rate rises (default: a fiftieth of `steps`, at most 200). */
	readonly warmUp?: number;
	/** The probability in [0, 1) of dropout, on the values that `GatedPixelCNN.forward` names (default 0). */
	readonly dropout?: number;
	/** Of the random numbers of dropout, a whole number in [0, 2³²) (default 0). */
	readonly seed?: number;
	/**
	 * Whether to capture steps (see `Gpu.capture`): those with batches of the first one's shape are replayed,
	 * others run eagerly (default true).
	 */
	readonly capture?: boolean;
}

/**
 * Trains a prior with Adam on the cross-entropy of the codes, one batch at a time. The learning rate rises,
 * then falls to zero along half a cosine.
 *
 * @example
 * const trainer = new PriorTrainer(prior, { steps: 1000, lr: 3e-3 });
 * for (let step = 0; step < 1000; step++) {
 * 	const [{ nats }] = await trainer.readLosses([trainer.step({ codes, labels })]);
 * }
 */
export class PriorTrainer {
	static readonly name: string = "PriorTrainer";

	readonly optimizer: Adam;
	private readonly gpu: Gpu;
	private readonly rate: number;
	private readonly totalSteps: number;
	private readonly warmUp: number;
	private readonly captures: boolean;
	private readonly seed: number;
	private readonly dropoutOptions: SeededDropout | undefined;
	private readonly steps: TrainingSteps<Tensor>;
	private captured: CapturedStep<Tensor> | undefined;
	/** The labels of steps whose losses are not read yet. */
	private readonly labels = new Map<Tensor, Tensor<"uint32">>();

	/** @throws ArgumentError if an option is out of range */
	constructor(
		readonly model: GatedPixelCNN,
		options: PriorTrainerOptions,
	) {
		const caller = "PriorTrainer";
		checkInstance(caller, "model", model, GatedPixelCNN, "a GatedPixelCNN", `write new ${caller}(model, { steps })`);
		checkOptions(caller, options, ["steps", "warmUp", "dropout", "seed", "capture", ...adamOptions]);
		const { steps, dropout = 0, seed = 0, capture = true, ...rest } = options;
		checkNumber(caller, "steps", steps, { least: 1, whole: true });
		const { warmUp = Math.min(200, Math.floor(steps / 50)), ...adam } = rest;
		checkNumber(caller, "warmUp", warmUp, { least: 0 });
		checkFlag(caller, "capture", capture);
		checkAdamOptions(caller, adam);
		checkDropout(caller, "dropout", dropout);
		checkSeed(caller, seed);
		const { gpu } = model;
		this.gpu = gpu;
		this.optimizer = new Adam(model.parameters(), adam);
		this.rate = this.optimizer.lr;
		this.totalSteps = steps;
		this.warmUp = warmUp;
		this.captures = capture;
		this.seed = seed;
		this.dropoutOptions = dropout > 0 ? { p: dropout, random: gpu.keep(gpu.empty([2], "uint32")) } : undefined;
		this.steps = new TrainingSteps(gpu, caller);
	}

	/**
	 * Compiles ahead of time what a step on batches of this shape launches; see `Gpu.prepare`.
	 *
	 * @param shape [B, h, w]
	 * @throws ShapeError if the shape is not that of the model's codes, ShaderError
	 */
	async prepare(shape: Shape): Promise<void> {
		checkShape("PriorTrainer.prepare", shape);
		await this.gpu.prepare(() => this.train(this.emptyBatch(shape)));
	}

	/**
	 * One step: forward, backward, Adam. It waits for nothing, so it does not notice that a loss is NaN, or
	 * that codes or labels are out of range: `readLosses` does. A loop that does not read each step awaits
	 * `gpu.throttle()`.
	 *
	 * @returns the loss, a float32 scalar: nats per code, with dropout. It belongs to the caller
	 * @throws ShapeError if the batch does not fit the model, ArgumentError if labels are missing or the
	 * model has no classes, DivergenceError after `readLosses` has thrown one
	 */
	step(batch: CodeBatch): Tensor {
		this.checkBatch("PriorTrainer.step", batch);
		this.forgetLabels(({ isDisposed }) => isDisposed);
		const loss = this.steps.take(() => {
			this.optimizer.lr = this.rate * cosineDecay(this.steps.taken - 1, this.totalSteps, this.warmUp);
			return this.gpu.scope(() => {
				const captured = this.captures ? this.capturedFor(batch) : undefined;
				return captured === undefined ? this.train(batch) : this.gpu.clone(captured.replay(tensorsOf(batch)));
			});
		});
		if (batch.labels !== undefined) this.labels.set(loss, this.gpu.keep(batch.labels.share()));
		return this.gpu.keep(loss);
	}

	/**
	 * Reads and frees the losses of steps, in the order of the steps. Reading a dozen steps together waits
	 * once.
	 *
	 * @throws ArgumentError naming the first step with a code that is not below `numEmbeddings`, or a label
	 * that is not below `numClasses`; DivergenceError naming the first step whose loss is NaN, with the
	 * records of those before it in `before`: from then on `step` throws it as well
	 */
	async readLosses(losses: readonly Tensor[]): Promise<{ readonly step: number; readonly nats: number }[]> {
		const read = await this.steps.read("losses", losses, (loss) => {
			const labels = this.labels.get(loss);
			return labels === undefined ? [loss] : [loss, labels];
		});
		for (const loss of losses) this.labels.delete(loss);
		const records = read.map(({ step, values: [[nats]] }) => ({ step, nats }));
		for (const [i, { step, nats }] of records.entries()) {
			this.checkLabels("readLosses", `step ${step}`, read[i]?.values[1]);
			if (nats === Number.POSITIVE_INFINITY) throw this.impossible("readLosses", `step ${step}`);
			if (!Number.isFinite(nats)) break;
		}
		this.steps.checkFinite(records, ({ nats }) => nats, this.optimizer.lr);
		return records;
	}

	/**
	 * Nats per code on batches that are not trained on, without dropout.
	 *
	 * @param batches functions that each make a batch; it is freed after use
	 * @throws ArgumentError if there are no batches, or a code or a label is out of range; DivergenceError if the
	 * cross-entropy is not finite
	 */
	async evaluate(batches: Iterable<() => CodeBatch>): Promise<number> {
		const { gpu, model } = this;
		const name = "PriorTrainer.evaluate";
		const allLabels: Tensor<"uint32">[] = [];
		const lossOf = (batch: CodeBatch) => {
			this.checkBatch(name, batch);
			const { codes, labels } = batch;
			if (labels !== undefined) allLabels.push(gpu.keep(labels.share()));
			return { loss: crossEntropy(model.forward(codes, labels), codes), weight: codes.size };
		};
		const { mean: nats, extras } = await evaluateBatches(name, gpu, batches, lossOf, allLabels);
		for (const labels of extras) this.checkLabels("evaluate", "the batches", labels);
		if (nats === Number.POSITIVE_INFINITY) throw this.impossible("evaluate", "the batches");
		if (!Number.isFinite(nats)) throw notFinite(name, "cross-entropy", nats);
		return nats;
	}

	/**
	 * Everything that the next step depends on, besides its batch: the model's weights, the optimizer's moments,
	 * and how many steps were taken. See `Trainer.stateDict`.
	 */
	stateDict(): Record<string, AnyTensor> {
		return saveTraining(this.gpu, this.trainingState());
	}

	/**
	 * Continues from a state dict of a trainer with the same options, of a model with the same options.
	 *
	 * @param dict as `loadSafetensors` returns it
	 * @throws ArgumentError, StateDictError with the names that are missing or unexpected and the shapes that
	 * differ; parts of the state may be loaded then
	 */
	loadStateDict(dict: Readonly<Record<string, StateValue>>): void {
		const { steps } = loadTraining("PriorTrainer.loadStateDict", dict, this.trainingState());
		this.steps.taken = steps;
	}

	private trainingState() {
		const { model, optimizer, steps } = this;
		return { parts: { model, optimizer }, counts: { steps: steps.taken } };
	}

	/** Frees what the trainer holds, not the model. */
	dispose(): void {
		this.captured?.dispose();
		this.captured = undefined;
		this.forgetLabels(() => true);
		this.dropoutOptions?.random.dispose();
		this.optimizer.dispose();
	}

	/** The error for an infinite cross-entropy: the prior gives a code no probability. */
	private impossible(method: string, where: string): ArgumentError {
		return new ArgumentError(
			`PriorTrainer.${method}: codes of ${where} must be below numEmbeddings, ${this.model.numEmbeddings}, but one is not: its cross-entropy is infinite. Make the codes with the model that the prior is for.`,
		);
	}

	/** @throws ArgumentError if a label is not a class: the kernels would take it for no class at all */
	private checkLabels(method: string, where: string, labels: ArrayLike<number> = []): void {
		const { numClasses } = this.model;
		const wrong = Array.from(labels).find((label) => label >= numClasses);
		if (wrong !== undefined)
			throw new ArgumentError(
				`PriorTrainer.${method}: labels of ${where} must be below numClasses, ${numClasses}, but one is ${wrong}. Count classes from 0, or make the prior with more classes.`,
			);
	}

	private checkBatch(caller: string, batch: CodeBatch): void {
		const { codes, labels } = (batch as CodeBatch | null | undefined) ?? ({} as Partial<CodeBatch>);
		if (codes === undefined) throw wrongArgument(caller, "batch", "an object { codes, labels }", batch);
		checkTensor(caller, "codes", codes, "uint32");
		if (labels !== undefined) checkTensor(caller, "labels", labels, "uint32");
		this.model.check(caller, codes.shape, labels?.shape);
	}

	/** A whole step, eager or traced. */
	private train({ codes, labels }: CodeBatch): Tensor {
		const { dropoutOptions } = this;
		if (dropoutOptions !== undefined) this.gpu.feed(dropoutOptions.random, () => [this.seed, this.steps.taken]);
		const loss = crossEntropy(this.model.forward(codes, labels, dropoutOptions), codes);
		this.optimizer.zeroGrad();
		backward(loss);
		this.optimizer.step();
		return loss;
	}

	/** The captured step for batches like this one; undefined if the step is to run eagerly. */
	private capturedFor({ codes: { shape } }: CodeBatch): CapturedStep<Tensor> | undefined {
		const key = `${shape}`;
		if (this.captured === undefined) {
			const batch = this.emptyBatch(shape);
			this.captured = new CapturedStep(this.gpu, key, tensorsOf(batch), () => this.train(batch));
		}
		return this.captured.key === key ? this.captured : undefined;
	}

	private emptyBatch(shape: Shape): CodeBatch {
		const { gpu, model } = this;
		const codes = gpu.empty(shape, "uint32");
		return model.numClasses === 0 ? { codes } : { codes, labels: gpu.empty(shape.slice(0, 1), "uint32") };
	}

	/** Frees the labels of some losses. */
	private forgetLabels(which: (loss: Tensor) => boolean): void {
		for (const [loss, labels] of this.labels)
			if (which(loss)) {
				labels.dispose();
				this.labels.delete(loss);
			}
	}
}

function tensorsOf({ codes, labels }: CodeBatch): AnyTensor[] {
	return labels === undefined ? [codes] : [codes, labels];
}
