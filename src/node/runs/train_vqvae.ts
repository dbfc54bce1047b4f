import { basename, resolve } from "node:path";
import { noGrad } from "../../autograd/tape.js";
import { DataError, ShapeError } from "../../base/errors.js";
import { Random } from "../../base/random.js";
import { batches, type ImageSet, imageVariance, subset } from "../../data/image_set.js";
import { cosineDecay } from "../../nn/learning_rate.js";
import { gatherImages, type PackedImages, packImages } from "../../ops/images.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import type { Gpu, Tensor } from "../../tensor/tensor.js";
import { type StepLosses, type StepRecord, Trainer } from "../../vqvae/trainer.js";
import { VQVAE } from "../../vqvae/vqvae.js";
import { type AdapterChoice, openDevice } from "../adapters/open_device.js";
import type { Dataset } from "../datasets/dataset.js";
import { isNamed } from "../datasets/datasets.js";
import { imagesPerBatch } from "../images/batch_sizes.js";
import { reconstructionGrid } from "../images/image_grid.js";
import { pixelShift, reconstructImages } from "../images/pictures.js";
import { plural } from "../plural.js";
import { vqvaeChart } from "./charts.js";
import { checkpointMetadata } from "./load_model.js";
import { print, showsProgress } from "./output.js";
import { Phases } from "./phases.js";
import {
	beginsWithLatents,
	initialiseQuantizer,
	type QuantizerOptions,
	quantizerForModel,
} from "./quantizer_options.js";
import { loadRunData } from "./run_data.js";
import { checkFree, RunFolder } from "./run_folder.js";
import { checkImages, checkModelSizes } from "./size_limits.js";
import type { TestRow, Training } from "./training.js";
import { runTraining } from "./training_loop.js";

export interface TrainOptions extends QuantizerOptions {
	readonly data: string;
	/** How many training images to use; for the built-in digits, how many to draw. */
	readonly images: number | undefined;
	readonly epochs: number;
	readonly batch: number;
	readonly lr: number;
	readonly schedule: (typeof schedules)[number];
	/** Channels of the network's inner layers. */
	readonly hidden: number;
	/** Residual blocks in the encoder and in the decoder. */
	readonly residualLayers: readonly [number, number];
	readonly out: string | undefined;
	/** Whether `out` may contain another run, which is removed. */
	readonly overwrite: boolean;
	readonly adapter: AdapterChoice | undefined;
}

/** The best of the rates that were measured with the other defaults. */
export const defaultLearningRate = 6e-3;

/** Learning-rate schedules: half a cosine down to 0, or constant. */
export const schedules = ["cosine", "constant"] as const;

const picturesInGrid = 16;
/** Latents per code from which the codebook is initialised, at least. */
const latentsPerCode = 16;

/** Trains a VQ-VAE and writes weights, metrics, pictures and a chart to a folder. */
export async function trainVQVAE(options: TrainOptions): Promise<void> {
	const phases = new Phases();
	if (options.out !== undefined && !options.overwrite) await checkFree(options.out);
	const { train: trainSet, test: testSet } = await phases.time("reading images", () => load(options));
	const dataVariance = imageVariance(trainSet);
	if (dataVariance === 0)
		throw new DataError(
			`The training images of "${options.data}" all have one and the same shade: choose other images.`,
		);
	const gpu = await phases.time("opening the device", () =>
		openDevice({ adapter: options.adapter, announce: showsProgress() }),
	);
	checkModelSizes(gpu, options, trainSet);
	const model = new VQVAE<Quantizer>(gpu, {
		...quantizerForModel(gpu, options),
		inChannels: trainSet.channels,
		hiddenChannels: options.hidden,
		residualLayers: options.residualLayers,
		dataVariance,
		seed: options.seed,
	});
	checkImages(gpu, model, trainSet, options.batch);
	checkImages(gpu, model, testSet);
	const { codeCount, dimensions } = sizesOf(model);
	const name = options.data === "digits" ? "digits" : basename(resolve(options.data));
	const folder = await RunFolder.create(name, options.out, options.overwrite);
	try {
		const { out: _out, overwrite: _overwrite, ...settings } = options;
		const config = {
			...settings,
			data: isNamed(options.data) ? options.data : resolve(options.data),
			adapter: gpu.adapter.description || gpu.adapter.device,
			dataVariance,
		};
		await folder.write("config.json", `${JSON.stringify(config, undefined, "\t")}\n`);
		const { count, channels, height, width } = trainSet;
		print(
			`Training on ${plural(count, "image")} of ${width} × ${height}, ${plural(channels, "channel")} (${trainSet.name}), testing on ${testSet.count.toLocaleString("en-US")}; ` +
				`${plural(codeCount, "code")} of ${plural(dimensions, "number")}; on ${gpu.adapter.description || gpu.adapter.device}.`,
		);
		const training = new VQVAETraining(gpu, model, folder, options, trainSet, testSet);
		await runTraining(training, folder, options, phases);
	} finally {
		folder.release();
	}
	gpu.dispose();
}

/** The number and the length of a model's codes. */
function sizesOf({ vqLayer }: VQVAE<Quantizer>): { readonly codeCount: number; readonly dimensions: number } {
	return { codeCount: vqLayer.levels * vqLayer.numEmbeddings, dimensions: vqLayer.embeddingDim };
}

async function load(options: TrainOptions): Promise<Dataset> {
	const { train, test } = await loadRunData(options);
	if (train.height % 4 !== 0 || train.width % 4 !== 0)
		throw new ShapeError(
			`Width and height of images must be divisible by 4, but those of "${options.data}" are ${train.width} × ${train.height}: crop or pad them.`,
		);
	return { train, test };
}

/** How well the model does on the test images. */
interface TestNumbers extends Readonly<Record<string, number>> {
	readonly nmse: number;
	readonly perplexity: number;
	readonly codesInUse: number;
}

/** The training of a VQ-VAE. */
class VQVAETraining implements Training<StepLosses, StepRecord, TestNumbers> {
	readonly module: VQVAE<Quantizer>;
	readonly random: Random;
	readonly trainingImages: number;
	readonly rates: { readonly lr: number; readonly standard: number };
	readonly files = {
		weights: "model.safetensors",
		metrics: "metrics.jsonl",
		pictures: "reconstructions.png",
		chart: "chart.svg",
	};
	readonly labels = { weights: "Weights", pictures: "Reconstructions" };
	readonly replacesFiles = false;
	private readonly trainer: Trainer;
	private readonly trainImages: PackedImages;
	private readonly testImages: PackedImages;

	constructor(
		readonly gpu: Gpu,
		private readonly model: VQVAE<Quantizer>,
		private readonly folder: RunFolder,
		private readonly options: TrainOptions,
		trainSet: ImageSet,
		private readonly testSet: ImageSet,
	) {
		this.module = model;
		this.trainingImages = trainSet.count;
		this.rates = { lr: options.lr, standard: defaultLearningRate };
		this.trainer = new Trainer(model, { lr: options.lr });
		const pack = ({ pixels, count, channels, height, width }: ImageSet) =>
			packImages(gpu, pixels, [count, channels, height, width]);
		this.trainImages = pack(trainSet);
		this.testImages = pack(testSet);
		this.random = new Random(options.seed).fork();
	}

	async prepare(phases: Phases): Promise<void> {
		const { trainer, trainImages, options } = this;
		await phases.time("initialising the codebook", () => this.initialiseCodes());
		await phases.time("compiling kernels", () =>
			trainer.prepare([Math.min(options.batch, trainImages.count), ...trainImages.shape]),
		);
	}

	step(indices: Uint32Array, taken: number): StepLosses {
		this.trainer.optimizer.lr = this.learningRate(taken);
		return this.trainer.step(() => this.images(this.trainImages, indices), { keepLosses: true });
	}

	readLosses(steps: readonly StepLosses[]): Promise<readonly StepRecord[]> {
		return this.trainer.readLosses(steps);
	}

	describeStep({ loss, reconLoss, commitmentLoss, perplexity }: StepRecord): string {
		return `loss ${loss.toFixed(4)} recon ${reconLoss.toFixed(4)} commit ${commitmentLoss.toFixed(4)} perplexity ${perplexity.toFixed(1)}`;
	}

	metadata(): Record<string, string> {
		return checkpointMetadata(this.model, this.options);
	}

	async evaluate(): Promise<TestNumbers> {
		const { model, trainer, testSet } = this;
		const lists = [...batches(testSet.count, imagesPerBatch(model, testSet))];
		const evaluation = await trainer.evaluate(lists.map((indices) => () => this.images(this.testImages, indices)));
		const { nmse, perplexity, codesInUse } = evaluation;
		return { nmse, perplexity, codesInUse };
	}

	describeEpoch({ nmse, perplexity, codesInUse }: TestNumbers): string {
		return `NMSE ${nmse.toFixed(4)}, perplexity ${perplexity.toFixed(1)}, ${plural(codesInUse, "code")} in use`;
	}

	describeResult({ nmse, perplexity, codesInUse }: TestNumbers): string {
		const { codeCount } = sizesOf(this.model);
		return `Test NMSE ${nmse.toFixed(4)}, perplexity ${perplexity.toFixed(1)}, ${codesInUse} of ${plural(codeCount, "code")} in use`;
	}

	async drawPictures(epoch: number): Promise<void> {
		const { gpu, model, folder, testSet, files } = this;
		const shown = subset(testSet, 0, Math.min(picturesInGrid, testSet.count));
		const { channels, height, width, count, pixels } = shown;
		const grid = reconstructionGrid(
			{ images: pixels, count, channels, height, width, columns: 8 },
			await reconstructImages(gpu, model, shown),
		);
		await folder.write(`epoch-${String(epoch).padStart(3, "0")}.png`, grid);
		await folder.write(files.pictures, grid);
	}

	chart(rows: readonly StepRecord[], tests: readonly TestRow<TestNumbers>[]): Promise<string> {
		const { codeCount, dimensions } = sizesOf(this.model);
		const title = `${this.testSet.name}: ${plural(codeCount, "code")} of ${plural(dimensions, "number")}`;
		return vqvaeChart(rows, title, tests);
	}

	/** Initialises the codebook, from latents of training images if the options say so. */
	private async initialiseCodes(): Promise<void> {
		const { gpu, model, options } = this;
		const random = this.random.fork();
		const latents = beginsWithLatents(options) ? await this.firstLatents(random) : undefined;
		gpu.scope(() => initialiseQuantizer(model.vqLayer, options.init, latents, options.seed));
		latents?.dispose();
	}

	/** The encoder's latents of images chosen at random, enough for all codes. */
	private async firstLatents(random: Random): Promise<Tensor> {
		const { gpu, model, options, trainImages } = this;
		const [, height, width] = trainImages.shape;
		const [, dimensions, rows, columns] = model.encoder.cost([1, ...trainImages.shape]).output;
		const enough = Math.ceil((latentsPerCode * model.vqLayer.numEmbeddings) / (rows * columns));
		const first = random.permutation(trainImages.count).slice(0, Math.max(options.batch, enough));
		const latents = new Float32Array(first.length * dimensions * rows * columns);
		const together = imagesPerBatch(model, { height, width });
		for (let from = 0; from < first.length; from += together) {
			const part = gpu.scope(() =>
				noGrad(() => model.encoder.forward(this.images(trainImages, first.subarray(from, from + together)))),
			);
			latents.set(await part.data(), from * dimensions * rows * columns);
			part.dispose();
		}
		return gpu.tensor(latents, [first.length, dimensions, rows, columns]);
	}

	/** The learning rate after so many steps. */
	private learningRate(taken: number): number {
		const { lr, schedule, epochs, batch } = this.options;
		const steps = epochs * Math.ceil(this.trainingImages / batch);
		return schedule === "constant" ? lr : lr * cosineDecay(taken, steps, 0);
	}

	private images(set: PackedImages, indices: Uint32Array): Tensor {
		return gatherImages(set, this.gpu.tensor(indices, [indices.length]), { shift: pixelShift });
	}
}
