import { noGrad } from "../../autograd/tape.js";
import { Random } from "../../base/random.js";
import { batches } from "../../data/image_set.js";
import type { HostTensor } from "../../io/safetensors.js";
import { clipGradNorm } from "../../nn/clip_grad_norm.js";
import { cosineDecay } from "../../nn/learning_rate.js";
import { ExponentialMovingAverage } from "../../nn/moving_average.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import type { AnyTensor, Gpu, Tensor } from "../../tensor/tensor.js";
import { type StepLosses, type StepRecord, Trainer } from "../../vqvae/trainer.js";
import type { VQVAE } from "../../vqvae/vqvae.js";
import { imagesPerBatch } from "../images/batch_sizes.js";
import { reconstructionGrid } from "../images/image_grid.js";
import { reconstructImages } from "../images/pictures.js";
import { plural } from "../plural.js";
import type { RunState } from "../report/report_types.js";
import { reportModel, writeReport } from "../report/write_report.js";
import { viewsOfEpoch } from "./augment.js";
import { vqvaeChart } from "./charts.js";
import { checkpointMetadata } from "./load_model.js";
import { NetworkImages } from "./network_images.js";
import type { Phases } from "./phases.js";
import { beginsWithLatents, initialiseQuantizer } from "./quantizer_options.js";
import type { RunFolder } from "./run_folder.js";
import type { RunSources } from "./run_sources.js";
import { defaultLearningRate, type TrainOptions } from "./train_options.js";
import type { Batch, TestRow, Training } from "./training.js";

const picturesInGrid = 16;
/** Latents per code from which the codebook is initialised, at least. */
const latentsPerCode = 16;

/** How well the model does on the held-out images. */
interface TestNumbers extends Readonly<Record<string, number>> {
	readonly nmse: number;
	readonly perplexity: number;
	readonly codesInUse: number;
}

/** The number and the length of a model's codes. */
export function sizesOf({ vqLayer }: VQVAE<Quantizer>): { readonly codeCount: number; readonly dimensions: number } {
	return { codeCount: vqLayer.levels * vqLayer.numEmbeddings, dimensions: vqLayer.embeddingDim };
}

const millisecondsPerLook = 30_000;

/** The training of a VQ-VAE. */
export class VQVAETraining implements Training<StepLosses, StepRecord, TestNumbers> {
	readonly trainingImages: number;
	readonly heldOutName: "validation" | "test";
	readonly rates: { readonly lr: number; readonly standard: number };
	readonly files = {
		weights: "model.safetensors",
		best: "best.safetensors",
		metrics: "metrics.jsonl",
		table: "metrics.csv",
		pictures: "reconstructions.png",
		chart: "chart.svg",
		checkpoint: "checkpoint",
	};
	readonly labels = { weights: "Weights", pictures: "Reconstructions" };
	readonly replacesFiles = false;
	private readonly random: Random;
	private readonly trainer: Trainer;
	private readonly average: ExponentialMovingAverage | undefined;
	private readonly trainImages: NetworkImages;
	private readonly heldOutImages: NetworkImages;
	/** When the model was looked at for the report. */
	private lastLook = performance.now();

	constructor(
		readonly gpu: Gpu,
		private readonly model: VQVAE<Quantizer>,
		private readonly folder: RunFolder,
		private readonly options: TrainOptions,
		private readonly sources: RunSources,
	) {
		const { lr, clip, ema, seed } = options;
		this.trainingImages = sources.train.count;
		this.heldOutName = sources.heldOutName;
		this.rates = { lr, standard: defaultLearningRate };
		this.average = ema === undefined ? undefined : new ExponentialMovingAverage(model, { decay: ema });
		this.trainer = new Trainer(model, {
			lr,
			...(clip === undefined ? {} : { beforeUpdate: (parameters) => clipGradNorm(parameters, clip) }),
			...(this.average === undefined ? {} : { average: this.average }),
		});
		this.trainImages = new NetworkImages(gpu, sources.train);
		this.heldOutImages = new NetworkImages(gpu, sources.heldOut);
		this.random = new Random(seed).fork();
	}

	async prepare(phases: Phases, resumed: boolean): Promise<void> {
		const { sources, options } = this;
		const random = this.random.fork();
		if (!resumed) await phases.time("initialising codes", () => this.initialiseCodes(random));
		const { channels, height, width, count } = sources.train;
		await phases.time("compiling kernels", () =>
			this.trainer.prepare([Math.min(options.batch, count), channels, height, width]),
		);
	}

	async *epoch(epoch: number, from: number): AsyncGenerator<Batch<StepLosses>, void, undefined> {
		const { options, trainer, trainingImages } = this;
		const views = viewsOfEpoch(options, epoch);
		const lists = batches(trainingImages, options.batch, this.random);
		for (let i = 0; i < from; i++) {
			const { value } = lists.next();
			if (value !== undefined) views?.(value);
		}
		for await (const { indices, batch } of this.trainImages.batches(lists, views))
			yield {
				count: indices.length,
				step: (taken) => {
					trainer.optimizer.lr = this.learningRate(taken);
					return trainer.step(batch, { keepLosses: true });
				},
			};
	}

	skipEpoch(): void {
		this.random.permutation(this.trainingImages);
	}

	readLosses(steps: readonly StepLosses[]): Promise<readonly StepRecord[]> {
		return this.trainer.readLosses(steps);
	}

	describeStep({ loss, reconLoss, commitmentLoss, perplexity }: StepRecord): string {
		return `loss ${loss.toFixed(4)} recon ${reconLoss.toFixed(4)} commit ${commitmentLoss.toFixed(4)} perplexity ${perplexity.toFixed(1)}`;
	}

	weights(): Record<string, AnyTensor> {
		return { ...this.model.stateDict(), ...this.average?.stateDict() };
	}

	metadata(): Record<string, string> {
		return checkpointMetadata(this.model, this.options);
	}

	state(): Record<string, AnyTensor> {
		return this.trainer.stateDict();
	}

	loadState(state: Readonly<Record<string, HostTensor>>): void {
		this.trainer.loadStateDict(state);
	}

	async evaluate(): Promise<TestNumbers> {
		const { model, trainer, heldOutImages } = this;
		const together = imagesPerBatch(model, heldOutImages.source);
		const evaluation = await this.withAverages(() => trainer.evaluate(heldOutImages.all(together)));
		const { nmse, perplexity, codesInUse } = evaluation;
		return { nmse, perplexity, codesInUse };
	}

	errorOf({ nmse }: TestNumbers): number {
		return nmse;
	}

	describeEpoch({ nmse, perplexity, codesInUse }: TestNumbers): string {
		return `NMSE ${nmse.toFixed(4)}, perplexity ${perplexity.toFixed(1)}, ${plural(codesInUse, "code")} in use`;
	}

	describeResult({ nmse, perplexity, codesInUse }: TestNumbers): string {
		const { codeCount } = sizesOf(this.model);
		const of = this.heldOutName === "test" ? "Test" : "Validation";
		return `${of} NMSE ${nmse.toFixed(4)}, perplexity ${perplexity.toFixed(1)}, ${codesInUse} of ${plural(codeCount, "code")} in use`;
	}

	async drawPictures(epoch: number, _isLast: boolean, isKept: boolean): Promise<void> {
		const { gpu, model, folder, files } = this;
		const { heldOut } = this.sources;
		const { channels, height, width, name } = heldOut;
		const indices = shownImages(heldOut);
		const count = indices.length;
		const pixels = await heldOut.read(indices);
		const reconstructions = await this.withAverages(() =>
			reconstructImages(gpu, model, { name, count, channels, height, width, pixels }),
		);
		const grid = reconstructionGrid({ images: pixels, count, channels, height, width, columns: 8 }, reconstructions);
		if (isKept) await folder.write(`epoch-${String(epoch).padStart(3, "0")}.png`, grid);
		await folder.write(files.pictures, grid);
	}

	/** Looks at the model at the end and at most once in half a minute before, because that takes seconds without a GPU. */
	async writeReport(step: number, state: RunState): Promise<void> {
		const { gpu, model, folder, sources } = this;
		const isSoon = state === "running" && performance.now() - this.lastLook < millisecondsPerLook;
		if (isSoon || state === "diverged") {
			await writeReport(folder, "model", state);
			return;
		}
		await this.withAverages(() => reportModel(folder, gpu, model, sources.heldOut, step, state));
		this.lastLook = performance.now();
	}

	chart(rows: readonly StepRecord[], tests: readonly TestRow<TestNumbers>[]): Promise<string> {
		const { codeCount, dimensions } = sizesOf(this.model);
		const title = `${this.sources.name}: ${plural(codeCount, "code")} of ${plural(dimensions, "number")}`;
		return vqvaeChart(rows, title, tests, this.heldOutName);
	}

	/** Runs something with the averaged weights in the model, if there are any. */
	private async withAverages<T>(body: () => Promise<T>): Promise<T> {
		this.average?.swap();
		try {
			return await body();
		} finally {
			this.average?.swap();
		}
	}

	/** Initialises the codebook, from latents of training images if the options say so. */
	private async initialiseCodes(random: Random): Promise<void> {
		const { gpu, model, options } = this;
		const latents = beginsWithLatents(options) ? await this.firstLatents(random) : undefined;
		gpu.scope(() => initialiseQuantizer(model.vqLayer, options.init, latents, options.seed));
		latents?.dispose();
		// The averages were made before the codes.
		const { average } = this;
		if (average !== undefined) gpu.scope(() => average.loadStateDict(averagedPart(model, average)));
	}

	/** The encoder's latents of images chosen at random, enough for all codes. */
	private async firstLatents(random: Random): Promise<Tensor> {
		const { gpu, model, options, trainImages } = this;
		const { channels, height, width, count } = trainImages.source;
		const [, dimensions, rows, columns] = model.encoder.cost([1, channels, height, width]).output;
		const enough = Math.ceil((latentsPerCode * model.vqLayer.numEmbeddings) / (rows * columns));
		const first = random.permutation(count).slice(0, Math.max(options.batch, enough));
		const latents = new Float32Array(first.length * dimensions * rows * columns);
		const together = imagesPerBatch(model, { height, width });
		const lists = Array.from({ length: Math.ceil(first.length / together) }, (_, i) =>
			first.slice(i * together, (i + 1) * together),
		);
		let at = 0;
		for await (const { batch } of trainImages.batches(lists)) {
			const part = gpu.scope(() => noGrad(() => model.encoder.forward(batch())));
			latents.set(await part.data(), at);
			at += part.size;
			part.dispose();
		}
		return gpu.tensor(latents, [first.length, dimensions, rows, columns]);
	}

	/** The learning rate after so many steps. */
	private learningRate(taken: number): number {
		const { lr, schedule, epochs, batch, warmUp } = this.options;
		const steps = epochs * Math.ceil(this.trainingImages / batch);
		if (schedule === "constant") return lr * (taken < warmUp ? (taken + 1) / (warmUp + 1) : 1);
		return lr * cosineDecay(taken, steps, warmUp);
	}
}

/** The part of a model's state dict that is averaged. */
function averagedPart(model: VQVAE<Quantizer>, average: ExponentialMovingAverage): Record<string, AnyTensor> {
	const all = model.stateDict();
	return Object.fromEntries(Object.keys(average.stateDict()).map((name) => [name, all[name]]));
}

/** The images in pictures: the first ones, or evenly spaced ones if the images are sorted by class. */
function shownImages({ count, labels }: RunSources["heldOut"]): Uint32Array {
	const shown = Math.min(picturesInGrid, count);
	const isSorted = labels?.every((label, i) => i === 0 || label >= labels[i - 1]) ?? false;
	return Uint32Array.from({ length: shown }, (_, i) => (isSorted ? Math.floor((i * count) / shown) : i));
}
