import { noGrad } from "../autograd/tape.js";
import { checkFlag, checkFunction, checkInstance, checkOptions, wrongArgument } from "../base/arguments.js";
import { checkShape, type Shape } from "../base/shape.js";
import { Adam, type AdamOptions, adamOptions, checkAdamOptions } from "../nn/adam.js";
import { CapturedStep } from "../nn/captured_step.js";
import { notFinite } from "../nn/diverged.js";
import { evaluateBatches } from "../nn/evaluate_batches.js";
import type { StateValue } from "../nn/module.js";
import { loadTraining, saveTraining } from "../nn/training_state.js";
import { TrainingSteps } from "../nn/training_steps.js";
import { backward } from "../ops/backward.js";
import { codeUse } from "../quantizers/code_use.js";
import type { Quantizer } from "../quantizers/quantizer.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { AnyTensor, Gpu, Parameter, Tensor } from "../tensor/tensor.js";
import { VQVAE } from "./vqvae.js";

/** The losses of a step, float32 scalars on the GPU. */
export interface StepLosses {
	readonly loss: Tensor;
	readonly reconLoss: Tensor;
	readonly commitmentLoss: Tensor;
	/**
	 * How often each code has occurred in all steps of the trainer so far, modulo 2³²: uint32 [levels · K].
	 */
	readonly codeCounts: Tensor<"uint32">;
}

/** What `Trainer.readLosses` returns for a step. */
export interface StepRecord {
	/** Counted from 1. */
	readonly step: number;
	readonly loss: number;
	readonly reconLoss: number;
	readonly commitmentLoss: number;
	/** exp of the entropy of the codes' frequencies in the step's batch. */
	readonly perplexity: number;
}

/** The errors and the use of codes of a model on a set of images. */
export interface Evaluation {
	/** Mean squared error over the training set's variance, the mean over all images. */
	readonly nmse: number;
	/**
	 * exp of the entropy of the codes' frequencies over the whole set: how many codes are in effective use.
	 */
	readonly perplexity: number;
	/** How many codes occur at all. */
	readonly codesInUse: number;
	readonly images: number;
}

export interface TrainerOptions extends AdamOptions {
	/**
	 * Whether to capture steps (see `Gpu.capture`): the second step in a row with batches of one shape is
	 * traced, and replayed from then on. Steps of other shapes in between run eagerly. The results are the
	 * same bits; the host has less work, and the buffers of the step stay reserved (default true).
	 */
	readonly capture?: boolean;
	/**
	 * Called in each step between the backward pass and the optimizer, for example to clip the gradients:
	 * `(parameters) => clipGradNorm(parameters, 1)`. A captured step calls it when it is traced.
	 */
	readonly beforeUpdate?: (parameters: readonly Parameter[]) => void;
	/** A moving average of the model's weights, which each step moves: `new ExponentialMovingAverage(model)`. */
	readonly average?: Average;
}

/** The part of `ExponentialMovingAverage` that a trainer uses. */
export interface Average {
	update(): void;
	stateDict(): Record<string, Tensor>;
	loadStateDict(dict: Readonly<Record<string, StateValue>>): void;
}

type Losses = Pick<StepLosses, "loss" | "reconLoss" | "commitmentLoss">;

/**
 * Trains a VQ-VAE with Adam, one batch at a time.
 *
 * @example
 * const trainer = new Trainer(model, { lr: 1e-3 });
 * const kept: StepLosses[] = [];
 * for (const batch of batches) {
 * 	kept.push(trainer.step(() => gpu.tensor(batch, [64, 1, 28, 28]), { keepLosses: true }));
 * 	if (kept.length === 10) console.log(await trainer.readLosses(kept.splice(0)));
 * }
 */
export class Trainer {
	static readonly name: string = "Trainer";

	readonly optimizer: Adam;
	private readonly gpu: Gpu;
	private readonly parameters: readonly Parameter[];
	private readonly steps: TrainingSteps<StepLosses>;
	/** How often each code has occurred in all steps. */
	private readonly counts: Tensor<"uint32">;
	/** `codeCounts` of the last step that was read. */
	private readCounts: Uint32Array;
	/** The losses of the last step, unless the caller keeps them. */
	private losses: StepLosses | undefined;
	private readonly captures: boolean;
	private readonly beforeUpdate: TrainerOptions["beforeUpdate"];
	private readonly average: Average | undefined;
	private captured: CapturedStep<Losses> | undefined;
	/** What a captured step would depend on, in the last step. */
	private lastKey: string | undefined;

	/** @throws ArgumentError if an option is out of range */
	constructor(
		readonly model: VQVAE<Quantizer>,
		options: TrainerOptions = {},
	) {
		checkInstance("Trainer", "model", model, VQVAE, "a VQVAE", "write new Trainer(model, options)");
		checkOptions("Trainer", options, [...adamOptions, "capture", "beforeUpdate", "average"]);
		const { capture = true, beforeUpdate, average, ...adam } = options;
		checkAdamOptions("Trainer", adam);
		checkFlag("Trainer", "capture", capture);
		if (beforeUpdate !== undefined) checkFunction("Trainer", "beforeUpdate", beforeUpdate);
		if (average !== undefined && typeof average?.update !== "function")
			throw wrongArgument("Trainer", "average", "an ExponentialMovingAverage", average);
		const { gpu, levels, numEmbeddings } = model.vqLayer;
		const codes = levels * numEmbeddings;
		this.gpu = gpu;
		this.captures = capture;
		this.beforeUpdate = beforeUpdate;
		this.average = average;
		this.parameters = model.parameters();
		this.optimizer = new Adam(this.parameters, adam);
		this.steps = new TrainingSteps(gpu, "Trainer");
		this.counts = gpu.keep(gpu.tensor(new Uint32Array(codes), [codes]));
		this.readCounts = new Uint32Array(codes);
	}

	/**
	 * Compiles ahead of time what a step on batches of this shape launches; see `Gpu.prepare`.
	 *
	 * @param shape [B, C, H, W]
	 * @throws ShapeError if the model does not take such images, ShaderError
	 */
	async prepare(shape: Shape): Promise<void> {
		checkShape("Trainer.prepare", shape);
		await this.gpu.prepare(() => this.train(this.gpu.empty(shape)));
	}

	/**
	 * One step: forward, backward, Adam. It waits for nothing, so it does not notice that a loss is NaN:
	 * `readLosses` does. A loop that does not read each step awaits `gpu.throttle()`.
	 *
	 * All that a step makes is freed when it ends, except the losses: these are freed when the next step
	 * begins.
	 *
	 * @param batch float32 [B, C, H, W], or a function that makes it inside the step's scope
	 * @param options `keepLosses` leaves it to the caller to free the losses, which `readLosses` does
	 * (default false)
	 * @throws ShapeError if the model does not take such images, DivergenceError after `readLosses` has
	 * thrown one
	 */
	step(batch: Tensor | (() => Tensor), options: { readonly keepLosses?: boolean } = {}): StepLosses {
		checkOptions("Trainer.step", options, ["keepLosses"]);
		const { keepLosses = false } = options;
		checkFlag("Trainer.step", "keepLosses", keepLosses);
		const losses = this.steps.take(() => this.takeStep(batch, keepLosses));
		if (!keepLosses) this.losses = losses;
		return losses;
	}

	private takeStep(batch: Tensor | (() => Tensor), keepLosses: boolean): StepLosses {
		this.freeLosses();
		const losses = this.gpu.scope(() => {
			const images = typeof batch === "function" ? batch() : batch;
			checkTensor("Trainer.step", "batch", images, "float32");
			const captured = this.captures ? this.capturedFor(images) : undefined;
			const { loss, reconLoss, commitmentLoss } = captured?.replay([images]) ?? this.train(images);
			const copies = captured !== undefined && keepLosses;
			const own = (tensor: Tensor) => (copies ? this.gpu.clone(tensor) : tensor.share());
			const codeCounts = keepLosses ? this.gpu.clone(this.counts) : this.counts.share();
			return { loss: own(loss), reconLoss: own(reconLoss), commitmentLoss: own(commitmentLoss), codeCounts };
		});
		for (const loss of Object.values(losses)) this.gpu.keep(loss);
		return losses;
	}

	/**
	 * Reads and frees the losses of steps that were taken with `keepLosses`, in the order of the steps.
	 * Reading a dozen steps together waits once.
	 *
	 * The perplexity of a step is that of its batch if all steps are read, otherwise that of the batches
	 * since the last step that was read.
	 *
	 * @throws DivergenceError naming the first step whose loss is not finite, with the records of those
	 * before it in `before`; from then on `step` throws it as well
	 */
	async readLosses(steps: readonly StepLosses[]): Promise<StepRecord[]> {
		const read = await this.steps.read("steps", steps, Object.values);
		const records = read.map(({ step, values: [[loss], [reconLoss], [commitmentLoss], counts] }): StepRecord => {
			const batch = (counts as Uint32Array).map((count, code) => count - this.readCounts[code]);
			this.readCounts = counts as Uint32Array;
			return { step, loss, reconLoss, commitmentLoss, perplexity: codeUse(batch).perplexity };
		});
		this.steps.checkFinite(records, ({ loss }) => loss, this.optimizer.lr);
		return records;
	}

	/**
	 * Runs the model over batches without training it.
	 *
	 * @param batches functions that each make a batch, float32 [B, C, H, W], which is freed after use; as an
	 * array or another iterable, asynchronous or not
	 * @throws ArgumentError if there are no batches, DivergenceError if the error is not finite
	 * @example
	 * const { nmse, perplexity, codesInUse } = await trainer.evaluate([() => heldOut]);
	 */
	async evaluate(batches: Iterable<() => Tensor> | AsyncIterable<() => Tensor>): Promise<Evaluation> {
		const { gpu, model } = this;
		const counts = gpu.keep(gpu.tensor(new Uint32Array(this.counts.size), this.counts.shape));
		const evaluated = await evaluateBatches(
			"Trainer.evaluate",
			gpu,
			batches,
			(images) => {
				checkTensor("Trainer.evaluate", "what a batch returns", images, "float32");
				const { reconLoss, indices } = model.forward(images);
				model.vqLayer.countCodes(indices, counts);
				return { loss: reconLoss, weight: images.shape[0] };
			},
			[counts],
		);
		const { mean: nmse, weight: images, extras } = evaluated;
		if (!Number.isFinite(nmse)) throw notFinite("Trainer.evaluate", "reconstruction error", nmse);
		return { nmse, images, ...codeUse(extras[0] as Uint32Array) };
	}

	/**
	 * Everything that the next step depends on, besides its batch and the learning rate: the model's weights,
	 * the optimizer's moments, the averages, and how many steps were taken. A trainer that loads it continues
	 * with the same bits. They are copies, which the caller disposes of or a scope frees.
	 *
	 * @example
	 * const state = trainer.stateDict();
	 * const bytes = await saveSafetensors(state);
	 * for (const tensor of Object.values(state)) tensor.dispose();
	 * …
	 * trainer.loadStateDict(loadSafetensors(bytes));
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
		const { steps, draws } = loadTraining("Trainer.loadStateDict", dict, this.trainingState());
		this.steps.taken = steps;
		this.model.vqLayer.draws = draws;
	}

	private trainingState() {
		const { model, optimizer, average, steps } = this;
		const parts = { model, optimizer, ...(average === undefined ? {} : { average }) };
		return { parts, counts: { steps: steps.taken, draws: model.vqLayer.draws } };
	}

	/** Frees what the trainer holds, not the model. */
	dispose(): void {
		this.freeLosses();
		this.captured?.dispose();
		this.captured = undefined;
		this.optimizer.dispose();
		this.counts.dispose();
	}

	/** A whole step on these images, eager or traced. */
	private train(images: Tensor): Losses {
		const { vqLayer } = this.model;
		const { loss, reconLoss, commitmentLoss, latents, indices } = this.model.forward(images);
		this.optimizer.zeroGrad();
		backward(loss);
		this.beforeUpdate?.(this.parameters);
		this.optimizer.step();
		noGrad(() => vqLayer.update(latents, indices));
		this.average?.update();
		vqLayer.countCodes(indices, this.counts);
		return { loss, reconLoss, commitmentLoss };
	}

	/** The captured step for these images; undefined if the step is to run eagerly. */
	private capturedFor(images: Tensor): CapturedStep<Losses> | undefined {
		const { shape } = images;
		const key = `${shape} ${this.parameters.map(({ requiresGrad }) => requiresGrad)}`;
		const repeated = key === this.lastKey;
		this.lastKey = key;
		// A replay reads a copy of the images, and would give the images themselves no gradient.
		if (images.requiresGrad) return undefined;
		if (this.captured?.key === key) return this.captured;
		if (!repeated) return undefined;
		this.captured?.dispose();
		this.captured = undefined;
		const input = this.gpu.empty(shape);
		this.captured = new CapturedStep(this.gpu, key, [input], () => this.train(input));
		return this.captured;
	}

	private freeLosses(): void {
		for (const loss of Object.values(this.losses ?? {})) {
			loss.disposalAdvice =
				"The losses of a step are freed when the next step begins: read them before it, or call trainer.step(batch, { keepLosses: true }) and free them yourself.";
			loss.dispose();
		}
		this.losses = undefined;
	}
}
