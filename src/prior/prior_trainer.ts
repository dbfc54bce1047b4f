import { noGrad } from "../autograd/tape.js";
import {
	checkArray,
	checkBatches,
	checkFlag,
	checkFunction,
	checkInstance,
	checkNumber,
	checkOptions,
	wrongArgument,
} from "../base/arguments.js";
import { ArgumentError, type DivergenceError } from "../base/errors.js";
import { checkShape, type Shape, sameShape } from "../base/shape.js";
import { Adam, type AdamOptions, adamOptions, checkAdamOptions } from "../nn/adam.js";
import { diverged, notFinite } from "../nn/diverged.js";
import { cosineDecay } from "../nn/learning_rate.js";
import { backward } from "../ops/backward.js";
import { checkSeed } from "../ops/codes/sample_codes.js";
import { crossEntropy } from "../ops/cross_entropy.js";
import { checkDropout, type DropoutOptions } from "../ops/dropout.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Capture, Gpu, Tensor } from "../tensor/tensor.js";
import { GatedPixelCNN } from "./gated_pixel_cnn.js";

/** Codes, and the classes of a prior that has them. */
export interface CodeBatch {
	/** uint32 [B, h, w] */
	readonly codes: Tensor<"uint32">;
	/** uint32 [B] */
	readonly labels?: Tensor<"uint32"> | undefined;
}

export interface PriorTrainerOptions extends AdamOptions {
	/** How many steps the training has: the learning rate falls to zero over them. */
	readonly steps: number;
	/** Steps over which the learning rate rises (default: a fiftieth of `steps`, at most 200). */
	readonly warmUp?: number;
	/** The probability, in [0, 1), with which a step drops each of the values that `GatedPixelCNN.forward` names (default 0). */
	readonly dropout?: number;
	/** Of what is dropped, a whole number in [0, 2³²) (default 0). */
	readonly seed?: number;
	/**
	 * Whether steps are captured (see `Gpu.capture`): those with batches of the first one's shape are replayed, others done
	 * as they come (default true).
	 */
	readonly capture?: boolean;
}

/** A step that is replayed: its input, into which batches are copied. */
interface CapturedStep {
	readonly batch: CodeBatch;
	readonly step: Capture<Tensor>;
}

/** Trains a prior with Adam and the cross-entropy of the codes, a batch at a time. */
export class PriorTrainer {
	static readonly name: string = "PriorTrainer";

	readonly optimizer: Adam;
	private readonly gpu: Gpu;
	private readonly rate: number;
	private readonly steps: number;
	private readonly warmUp: number;
	private readonly captures: boolean;
	private readonly seed: number;
	private readonly dropoutOptions: DropoutOptions | undefined;
	private captured: CapturedStep | undefined;
	private taken = 0;
	/** The number of a step by its loss. */
	private readonly stepOf = new WeakMap<Tensor, number>();
	private divergence: DivergenceError | undefined;

	/** @throws ArgumentError where a setting is out of range. */
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
		checkDropout("PriorTrainer", "dropout", dropout);
		checkSeed("PriorTrainer", seed);
		this.optimizer = new Adam(model.parameters(), adam);
		this.gpu = model.gpu;
		this.rate = this.optimizer.lr;
		this.steps = steps;
		this.warmUp = warmUp;
		this.captures = capture;
		this.seed = seed;
		this.dropoutOptions =
			dropout > 0 ? { p: dropout, random: this.gpu.keep(this.gpu.empty([2], "uint32")) } : undefined;
	}

	/**
	 * Compiles ahead of time what a step on batches of this shape launches; see `Gpu.prepare`.
	 *
	 * @param shape [B, h, w]
	 * @throws ShapeError, ShaderError
	 */
	async prepare(shape: Shape): Promise<void> {
		checkShape("PriorTrainer.prepare", shape);
		await this.gpu.prepare(() => this.train(this.emptyBatch(shape)));
	}

	/**
	 * One step: forward, backward, Adam. It waits for nothing, so it does not notice that a loss is NaN: `readLosses` does. A loop
	 * that does not read each step awaits `gpu.throttle()`.
	 * The loss (a scalar, nats per code, without the values that the step drops) belongs to the caller.
	 *
	 * @throws ShapeError, ArgumentError where labels are missing or there are no classes; DivergenceError after `readLosses`
	 * has thrown one
	 */
	step(batch: CodeBatch): Tensor {
		this.checkBatch("PriorTrainer.step", batch);
		if (this.divergence !== undefined) throw this.divergence;
		this.optimizer.lr = this.rate * cosineDecay(this.taken++, this.steps, this.warmUp);
		const loss = this.gpu.scope(() => {
			const captured = this.captures ? this.capturedFor(batch) : undefined;
			if (captured === undefined) return this.train(batch);
			this.gpu.copy(batch.codes, captured.batch.codes);
			if (batch.labels !== undefined && captured.batch.labels !== undefined)
				this.gpu.copy(batch.labels, captured.batch.labels);
			return this.gpu.clone(captured.step.replay());
		});
		this.stepOf.set(loss, this.taken);
		return this.gpu.keep(loss);
	}

	/**
	 * Reads and frees the losses of steps, in the order of the steps. Reading a dozen steps together waits once.
	 *
	 * @throws DivergenceError naming the first step whose loss is NaN, with the records of those before it in `before`; from
	 * then on `step` throws it as well. ArgumentError naming the first step with a code that is not below `numEmbeddings`.
	 */
	async readLosses(losses: readonly Tensor[]): Promise<{ readonly step: number; readonly nats: number }[]> {
		checkArray("PriorTrainer.readLosses", "losses", losses, "an array of what step() returned");
		const steps = Array.from(losses, (loss, i) => {
			const step = this.stepOf.get(loss);
			if (step !== undefined) return step;
			throw wrongArgument("PriorTrainer.readLosses", `losses[${i}]`, "what a step of this trainer returned", loss);
		});
		const values = await this.gpu.readAll(losses);
		const records = steps.map((step, i) => ({ step, nats: values[i][0] }));
		for (const loss of losses) loss.dispose();
		const first = records.findIndex(({ nats }) => !Number.isFinite(nats));
		if (first >= 0) {
			const { step, nats } = records[first] as (typeof records)[number];
			if (nats === Number.POSITIVE_INFINITY) throw this.impossible("readLosses", `step ${step}`);
			this.divergence = diverged("PriorTrainer", step, nats, this.optimizer.lr, records.slice(0, first));
			throw this.divergence;
		}
		return records;
	}

	/**
	 * Nats per code on batches that are not trained on. Nothing is dropped.
	 *
	 * @throws ArgumentError where there are no batches, DivergenceError if the cross-entropy is not finite.
	 */
	async evaluate(batches: Iterable<() => CodeBatch>): Promise<number> {
		checkBatches("PriorTrainer.evaluate", batches);
		const { gpu, model } = this;
		const losses: Tensor[] = [];
		const sizes: number[] = [];
		try {
			for (const batch of batches) {
				await gpu.throttle();
				checkFunction("PriorTrainer.evaluate", "a batch", batch);
				losses.push(
					gpu.scope(() =>
						noGrad(() => {
							const made = batch();
							this.checkBatch("PriorTrainer.evaluate", made);
							const { codes, labels } = made;
							sizes.push(codes.size);
							return gpu.keep(crossEntropy(model.forward(codes, labels), codes));
						}),
					),
				);
			}
			if (losses.length === 0)
				throw new ArgumentError("PriorTrainer.evaluate: batches must hold at least one batch, but are empty.");
			const values = await gpu.readAll(losses);
			const codes = sizes.reduce((sum, size) => sum + size, 0);
			const nats = values.reduce((sum, value, i) => sum + (value[0] as number) * (sizes[i] as number), 0) / codes;
			if (nats === Number.POSITIVE_INFINITY) throw this.impossible("evaluate", "the batches");
			if (!Number.isFinite(nats)) throw notFinite("PriorTrainer.evaluate", "cross-entropy", nats);
			return nats;
		} finally {
			for (const loss of losses) loss.dispose();
		}
	}

	/** Frees what the trainer holds (not the model). */
	dispose(): void {
		this.captured?.step.dispose();
		this.captured?.batch.codes.dispose();
		this.captured?.batch.labels?.dispose();
		this.captured = undefined;
		this.dropoutOptions?.random.dispose();
		this.optimizer.dispose();
	}

	/** What an infinite cross-entropy comes from: a code that the prior gives no probability. */
	private impossible(method: string, where: string): ArgumentError {
		return new ArgumentError(
			`PriorTrainer.${method}: codes of ${where} must be below numEmbeddings, ${this.model.numEmbeddings}, but one is not: its cross-entropy is infinite. Make the codes with the model that the prior is for.`,
		);
	}

	private checkBatch(caller: string, batch: CodeBatch): void {
		const { codes, labels } = (batch as CodeBatch | null | undefined) ?? ({} as Partial<CodeBatch>);
		if (codes === undefined) throw wrongArgument(caller, "batch", "an object { codes, labels }", batch);
		checkTensor(caller, "codes", codes, "uint32");
		if (labels !== undefined) checkTensor(caller, "labels", labels, "uint32");
		this.model.check(caller, codes.shape, labels?.shape);
	}

	/** A whole step, as it is recorded or done. */
	private train({ codes, labels }: CodeBatch): Tensor {
		const { dropoutOptions } = this;
		if (dropoutOptions !== undefined) this.gpu.feed(dropoutOptions.random, () => [this.seed, this.taken]);
		const loss = crossEntropy(this.model.forward(codes, labels, dropoutOptions), codes);
		this.optimizer.zeroGrad();
		backward(loss);
		this.optimizer.step();
		return loss;
	}

	/** The captured step for batches like this one; nothing where the step is better done as it comes. */
	private capturedFor({ codes }: CodeBatch): CapturedStep | undefined {
		this.captured ??= this.capture(this.emptyBatch(codes.shape));
		return sameShape(this.captured.batch.codes.shape, codes.shape) ? this.captured : undefined;
	}

	private capture(batch: CodeBatch): CapturedStep {
		const step = this.gpu.capture(() => this.train(batch));
		this.gpu.keep(batch.codes);
		if (batch.labels !== undefined) this.gpu.keep(batch.labels);
		return { batch, step };
	}

	private emptyBatch(shape: Shape): CodeBatch {
		const { gpu, model } = this;
		const codes = gpu.empty(shape, "uint32");
		return model.numClasses === 0 ? { codes } : { codes, labels: gpu.empty(shape.slice(0, 1), "uint32") };
	}
}
