import { noGrad } from "../autograd/tape.js";
import {
	checkArray,
	checkBatches,
	checkFlag,
	checkFunction,
	checkInstance,
	checkOptions,
	wrongArgument,
} from "../base/arguments.js";
import { ArgumentError, type DivergenceError } from "../base/errors.js";
import { checkShape, type Shape, sameShape } from "../base/shape.js";
import { Adam, type AdamOptions, adamOptions, checkAdamOptions } from "../nn/adam.js";
import { diverged, notFinite } from "../nn/diverged.js";
import { backward } from "../ops/backward.js";
import { codeUse } from "../quantizers/code_use.js";
import type { Quantizer } from "../quantizers/quantizer.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Capture, Gpu, Parameter, Tensor } from "../tensor/tensor.js";
import { VQVAE } from "./vqvae.js";

/** The losses of a step, scalars on the GPU. */
export interface StepLosses {
	readonly loss: Tensor;
	readonly reconLoss: Tensor;
	readonly commitmentLoss: Tensor;
	/** How often each code has occurred in all steps of the trainer so far, modulo 2³²: uint32 [levels · K]. */
	readonly codeCounts: Tensor<"uint32">;
}

/** A step as `Trainer.readLosses` gives it. */
export interface StepRecord {
	/** Counted from 1. */
	readonly step: number;
	readonly loss: number;
	readonly reconLoss: number;
	readonly commitmentLoss: number;
	/** exp of the entropy of the codes' frequencies in the step's batch. */
	readonly perplexity: number;
}

/** How well a model does on a set of images. */
export interface Evaluation {
	/** Mean squared error over the training set's variance, the mean over all images. */
	readonly nmse: number;
	/** exp of the entropy of the codes' frequencies over the whole set: how many codes are in effective use. */
	readonly perplexity: number;
	/** How many codes occur at all. */
	readonly codesInUse: number;
	readonly images: number;
}

export interface TrainerOptions extends AdamOptions {
	/**
	 * Whether steps are captured (see `Gpu.capture`): the second step in a row with batches of one shape is recorded, and
	 * replayed from then on; steps of other shapes in between are done as they come. Same results, less work for the
	 * host; the step's buffers stay reserved (default true).
	 */
	readonly capture?: boolean;
}

type Losses = Pick<StepLosses, "loss" | "reconLoss" | "commitmentLoss">;

/** A step that is replayed: its input, into which batches are copied, and what it depends on beside it. */
interface CapturedStep {
	readonly images: Tensor;
	readonly trained: readonly boolean[];
	readonly step: Capture<Losses>;
}

/** Trains a VQ-VAE with Adam, a batch at a time. */
export class Trainer {
	static readonly name: string = "Trainer";

	readonly optimizer: Adam;
	private readonly gpu: Gpu;
	private readonly counts: Tensor<"uint32">;
	/** Those of the last step, unless the caller keeps them. */
	private losses: StepLosses | undefined;
	private readonly parameters: readonly Parameter[];
	private readonly captures: boolean;
	private captured: CapturedStep | undefined;
	private taken = 0;
	/** The number of a step by its losses. */
	private readonly stepOf = new WeakMap<StepLosses, number>();
	/** `codeCounts` of the last step that was read. */
	private readCounts: Uint32Array;
	private divergence: DivergenceError | undefined;
	/** Shape and trained parameters of the last step. */
	private last: { readonly shape: Shape; readonly trained: readonly boolean[] } | undefined;

	/** @throws ArgumentError where a setting is out of range. */
	constructor(
		readonly model: VQVAE<Quantizer>,
		options: TrainerOptions = {},
	) {
		checkInstance("Trainer", "model", model, VQVAE, "a VQVAE", "write new Trainer(model, options)");
		checkOptions("Trainer", options, [...adamOptions, "capture"]);
		const { capture = true, ...adam } = options;
		checkAdamOptions("Trainer", adam);
		checkFlag("Trainer", "capture", capture);
		this.captures = capture;
		this.parameters = model.parameters();
		this.optimizer = new Adam(this.parameters, adam);
		const { gpu, levels, numEmbeddings } = model.vqLayer;
		const codes = levels * numEmbeddings;
		this.gpu = gpu;
		this.counts = gpu.keep(gpu.tensor(new Uint32Array(codes), [codes]));
		this.readCounts = new Uint32Array(codes);
	}

	/**
	 * Compiles ahead of time what a step on batches of this shape launches; see `Gpu.prepare`.
	 *
	 * @param shape [B, C, H, W]
	 * @throws ShapeError, ShaderError
	 */
	async prepare(shape: Shape): Promise<void> {
		checkShape("Trainer.prepare", shape);
		await this.gpu.prepare(() => this.train(this.gpu.empty(shape)));
	}

	/**
	 * One step: forward, backward, Adam. It waits for nothing, so it does not notice that a loss is NaN: `readLosses` does. A loop
	 * that does not read each step awaits `gpu.throttle()`.
	 * Everything it makes but the losses is freed when it ends, and the losses when the next one begins.
	 *
	 * @param batch float32 [B, C, H, W], or a function that makes it inside the step's scope
	 * @param keepLosses leaves it to the caller to dispose of the losses, which `readLosses` does (default false)
	 * @throws DivergenceError after `readLosses` has thrown one
	 */
	step(batch: Tensor | (() => Tensor), options: { readonly keepLosses?: boolean } = {}): StepLosses {
		checkOptions("Trainer.step", options, ["keepLosses"]);
		const { keepLosses = false } = options;
		checkFlag("Trainer.step", "keepLosses", keepLosses);
		if (this.divergence !== undefined) throw this.divergence;
		this.freeLosses();
		const losses = this.gpu.scope(() => {
			const images = typeof batch === "function" ? batch() : batch;
			checkTensor("Trainer.step", "batch", images, "float32");
			const captured = this.captures ? this.capturedFor(images) : undefined;
			if (captured !== undefined) this.gpu.copy(images, captured.images);
			const { loss, reconLoss, commitmentLoss } = captured === undefined ? this.train(images) : captured.step.replay();
			const copies = captured !== undefined && keepLosses;
			const own = (tensor: Tensor) => (copies ? this.gpu.clone(tensor) : tensor.share());
			const codeCounts = keepLosses ? this.gpu.clone(this.counts) : this.counts.share();
			return { loss: own(loss), reconLoss: own(reconLoss), commitmentLoss: own(commitmentLoss), codeCounts };
		});
		for (const loss of Object.values(losses)) this.gpu.keep(loss);
		this.stepOf.set(losses, ++this.taken);
		if (!keepLosses) this.losses = losses;
		return losses;
	}

	/**
	 * Reads and frees the losses of steps that were taken with `keepLosses`, in the order of the steps. Reading a dozen
	 * steps together waits once.
	 *
	 * The perplexity of a step is that of its batch, if all steps are read; otherwise that of the batches since the last
	 * step that was.
	 *
	 * @throws DivergenceError naming the first step whose loss is not finite, with the records of those before it in `before`;
	 * from then on `step` throws it as well
	 */
	async readLosses(steps: readonly StepLosses[]): Promise<StepRecord[]> {
		checkArray("Trainer.readLosses", "steps", steps, "an array of what step() returned");
		const numbers = Array.from(steps, (losses, i) => {
			const step = this.stepOf.get(losses);
			if (step !== undefined) return step;
			throw wrongArgument("Trainer.readLosses", `steps[${i}]`, "what a step of this trainer returned", losses);
		});
		const tensors = steps.flatMap(({ loss, reconLoss, commitmentLoss, codeCounts }) => [
			loss,
			reconLoss,
			commitmentLoss,
			codeCounts,
		]);
		const values = await this.gpu.readAll(tensors);
		for (const tensor of tensors) tensor.dispose();
		const records = numbers.map((step, i): StepRecord => {
			const [[loss], [reconLoss], [commitmentLoss], counts] = values.slice(4 * i, 4 * i + 4);
			const batch = (counts as Uint32Array).map((count, code) => count - this.readCounts[code]);
			this.readCounts = counts as Uint32Array;
			return { step, loss, reconLoss, commitmentLoss, perplexity: codeUse(batch).perplexity };
		});
		const first = records.findIndex(({ loss }) => !Number.isFinite(loss));
		if (first >= 0) {
			const { step, loss } = records[first] as StepRecord;
			this.divergence = diverged("Trainer", step, loss, this.optimizer.lr, records.slice(0, first));
			throw this.divergence;
		}
		return records;
	}

	/**
	 * Runs the model over batches without training it.
	 *
	 * @throws ArgumentError where there are no batches, DivergenceError if the error is not finite.
	 */
	async evaluate(batches: Iterable<() => Tensor>): Promise<Evaluation> {
		checkBatches("Trainer.evaluate", batches);
		const { gpu, model } = this;
		const counts = gpu.keep(gpu.tensor(new Uint32Array(this.counts.size), this.counts.shape));
		const losses: Tensor[] = [];
		const sizes: number[] = [];
		try {
			for (const batch of batches) {
				await gpu.throttle();
				checkFunction("Trainer.evaluate", "a batch", batch);
				losses.push(
					gpu.scope(() =>
						noGrad(() => {
							const images = batch();
							checkTensor("Trainer.evaluate", "what a batch returns", images, "float32");
							const { reconLoss, indices } = model.forward(images);
							model.vqLayer.countCodes(indices, counts);
							sizes.push(images.shape[0]);
							return gpu.keep(reconLoss);
						}),
					),
				);
			}
			if (losses.length === 0)
				throw new ArgumentError("Trainer.evaluate: batches must hold at least one batch, but are empty.");
			const [histogram, ...values] = await gpu.readAll([counts, ...losses]);
			const images = sizes.reduce((sum, size) => sum + size, 0);
			const total = values.reduce((sum, value, i) => sum + value[0] * sizes[i], 0);
			const nmse = total / images;
			if (!Number.isFinite(nmse)) throw notFinite("Trainer.evaluate", "reconstruction error", nmse);
			return { nmse, images, ...codeUse(histogram as Uint32Array) };
		} finally {
			for (const tensor of [counts, ...losses]) tensor.dispose();
		}
	}

	/** Frees what the trainer holds (not the model). */
	dispose(): void {
		this.freeLosses();
		this.freeCapture();
		this.optimizer.dispose();
		this.counts.dispose();
	}

	/** A whole step on these images, as it is recorded or done. */
	private train(images: Tensor): Losses {
		const { vqLayer } = this.model;
		const { loss, reconLoss, commitmentLoss, latents, indices } = this.model.forward(images);
		this.optimizer.zeroGrad();
		backward(loss);
		this.optimizer.step();
		noGrad(() => vqLayer.update(latents, indices));
		vqLayer.countCodes(indices, this.counts);
		return { loss, reconLoss, commitmentLoss };
	}

	/** The captured step for these images; nothing where the step is better done as it comes. */
	private capturedFor(images: Tensor): CapturedStep | undefined {
		const { shape } = images;
		const trained = this.parameters.map(({ requiresGrad }) => requiresGrad);
		const { captured, last } = this;
		this.last = { shape, trained };
		const isFor = (step: { readonly trained: readonly boolean[] } | undefined, of: Shape | undefined) =>
			step !== undefined &&
			of !== undefined &&
			sameShape(of, shape) &&
			step.trained.every((isTrained, i) => isTrained === trained[i]);
		if (images.requiresGrad) return undefined; // its gradient goes on from here
		if (isFor(captured, captured?.images.shape)) return captured;
		if (!isFor(last, last?.shape)) return undefined;
		this.freeCapture();
		const input = this.gpu.keep(this.gpu.empty(shape));
		try {
			this.captured = { images: input, trained, step: this.gpu.capture(() => this.train(input)) };
		} catch (error) {
			input.dispose();
			throw error;
		}
		return this.captured;
	}

	private freeCapture(): void {
		this.captured?.step.dispose();
		this.captured?.images.dispose();
		this.captured = undefined;
	}

	private freeLosses(): void {
		for (const loss of Object.values(this.losses ?? {})) {
			loss.disposalAdvice =
				"The losses of a step end when the next step begins: read them before it, or take the step with trainer.step(batch, { keepLosses: true }) and dispose of them yourself.";
			loss.dispose();
		}
		this.losses = undefined;
	}
}
