import { noGrad } from "../autograd/tape.js";
import { ArgumentError } from "../gpu/errors.js";
import { Adam, type AdamOptions } from "../nn/adam.js";
import { backward } from "../ops/backward.js";
import { countCodes } from "../ops/count_codes.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Tensor } from "../tensor/tensor.js";
import { codeUse } from "./perplexity.js";
import type { VQVAE } from "./vqvae.js";

/** The losses of a step, scalars on the GPU. */
export interface StepLosses {
	readonly loss: Tensor;
	readonly reconLoss: Tensor;
	readonly commitmentLoss: Tensor;
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

/** Trains a VQ-VAE with Adam, a batch at a time. */
export class Trainer {
	readonly optimizer: Adam;
	private readonly gpu: Gpu;
	private readonly counts: Tensor<"uint32">;
	/** Those of the last step, unless the caller keeps them. */
	private losses: StepLosses | undefined;

	constructor(
		readonly model: VQVAE,
		options: AdamOptions = {},
	) {
		this.optimizer = new Adam(model.parameters(), options);
		this.gpu = model.vqLayer.embeddings.weight.gpu;
		this.counts = this.gpu.keep(
			this.gpu.tensor(new Uint32Array(model.vqLayer.numEmbeddings), [model.vqLayer.numEmbeddings]),
		);
	}

	/**
	 * One step: forward, backward, Adam. It waits for nothing; everything it makes but the losses is given back when it
	 * ends, and the losses when the next one begins.
	 *
	 * @param batch float32 [B, C, H, W], or a function that makes it inside the step's scope
	 * @param keepLosses leaves it to the caller to dispose of the losses (default false)
	 */
	step(batch: Tensor | (() => Tensor), { keepLosses = false }: { readonly keepLosses?: boolean } = {}): StepLosses {
		this.freeLosses();
		const losses = this.gpu.scope(() => {
			const images = typeof batch === "function" ? batch() : batch;
			const { loss, reconLoss, commitmentLoss, indices } = this.model.forward(images);
			this.optimizer.zeroGrad();
			backward(loss);
			this.optimizer.step();
			countCodes(indices, this.counts);
			return { loss, reconLoss, commitmentLoss };
		});
		for (const loss of Object.values(losses)) this.gpu.keep(loss);
		if (!keepLosses) this.losses = losses;
		return losses;
	}

	/** The perplexity of the codes over the steps since the last call. */
	async takePerplexity(): Promise<number> {
		// A copy is read, so that steps taken while this waits are counted the next time.
		const counts = this.gpu.keep(this.gpu.clone(this.counts));
		this.gpu.upload(this.counts, new Uint32Array(counts.size));
		try {
			return codeUse(await counts.data()).perplexity;
		} finally {
			counts.dispose();
		}
	}

	/**
	 * Runs the model over batches without training it.
	 *
	 * @throws ArgumentError where there are no batches.
	 */
	async evaluate(batches: Iterable<() => Tensor>): Promise<Evaluation> {
		const { gpu, model } = this;
		const counts = gpu.keep(gpu.tensor(new Uint32Array(this.counts.size), this.counts.shape));
		const losses: Tensor[] = [];
		const sizes: number[] = [];
		try {
			for (const batch of batches)
				losses.push(
					gpu.scope(() =>
						noGrad(() => {
							const images = batch();
							const { reconLoss, indices } = model.forward(images);
							countCodes(indices, counts);
							sizes.push(images.shape[0]);
							return gpu.keep(reconLoss);
						}),
					),
				);
			if (losses.length === 0) throw new ArgumentError("evaluate() was given no batches.");
			const [histogram, ...values] = await gpu.readAll([counts, ...losses]);
			const images = sizes.reduce((sum, size) => sum + size, 0);
			const total = values.reduce((sum, value, i) => sum + value[0] * sizes[i], 0);
			return { nmse: total / images, images, ...codeUse(histogram as Uint32Array) };
		} finally {
			for (const tensor of [counts, ...losses]) tensor.dispose();
		}
	}

	/** Frees what the trainer holds (not the model). */
	dispose(): void {
		this.freeLosses();
		this.optimizer.dispose();
		this.counts.dispose();
	}

	private freeLosses(): void {
		for (const loss of Object.values(this.losses ?? {})) loss.dispose();
		this.losses = undefined;
	}
}
