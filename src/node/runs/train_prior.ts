import { join } from "node:path";
import { DataError, FormatError } from "../../base/errors.js";
import { Random } from "../../base/random.js";
import { batches } from "../../data/image_set.js";
import type { HostTensor } from "../../io/safetensors.js";
import { GatedPixelCNN, type GatedPixelCNNOptions } from "../../prior/gated_pixel_cnn.js";
import { type CodeBatch, PriorTrainer } from "../../prior/prior_trainer.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import type { AnyTensor, Gpu, Tensor } from "../../tensor/tensor.js";
import type { VQVAE } from "../../vqvae/vqvae.js";
import { readFileIfThere } from "../files.js";
import { gridsPerBatch } from "../images/batch_sizes.js";
import type { ImageSource } from "../images/image_source.js";
import { plural } from "../plural.js";
import type { RunState } from "../report/report_types.js";
import { writeReport } from "../report/write_report.js";
import { type PriorPoint, priorChart } from "./charts.js";
import { newestCheckpoint } from "./checkpoints.js";
import { type CodeSet, encodeSet, reconstructionError } from "./code_sets.js";
import { cacheFolderOf, checkUnchanged, dataOptionsOf } from "./continue_run.js";
import { modelFile, runFolderOf } from "./inputs.js";
import { loadModel } from "./load_model.js";
import { modelHash, priorMetadata } from "./load_prior.js";
import { print } from "./output.js";
import { Phases } from "./phases.js";
import { withProgress } from "./progress.js";
import { type RunConfig, readRunConfig } from "./run_config.js";
import { RunFolder } from "./run_folder.js";
import { openRunSources, type RunSources } from "./run_sources.js";
import { gridOfImages, sampleImages } from "./sample_images.js";
import { checkPriorSizes } from "./size_limits.js";
import { checkEpochs, type RunControl, trainWithRetries } from "./train_with_retries.js";
import type { Batch, TestRow, Training } from "./training.js";

export interface TrainPriorOptions {
	/** How many training images to use (for the built-in digits, to draw); as many as the run if undefined. */
	readonly images: number | undefined;
	readonly epochs: number;
	readonly batch: number;
	readonly lr: number;
	readonly channels: number;
	readonly layers: number;
	readonly kernel: number;
	/** The probability with which a value is dropped in training. */
	readonly dropout: number;
	readonly seed: number;
}

/** The options whose defaults follow from the images. */
export type GivenPriorOptions = Omit<TrainPriorOptions, "epochs" | "batch"> & {
	readonly epochs?: number | undefined;
	readonly batch?: number | undefined;
};

/** More digits than a run has by default, because they cost nothing. */
const manyDigits = 10_000;
/** Images that a training sees in all its epochs, about: enough for samples that can be read. */
const seenImages = 40_000;
const fewestEpochs = 4;
/** From so many images on, batches are larger. */
const many = 20_000;

/** The number of images that a prior is trained on by default. */
function defaultImages({ data, images }: RunConfig): number | undefined {
	return data === "digits" ? (images ?? manyDigits) : images;
}

function withDefaults(options: GivenPriorOptions, count: number): TrainPriorOptions {
	const { epochs, batch } = options;
	return {
		...options,
		epochs: epochs ?? Math.max(fewestEpochs, Math.ceil(seenImages / count)),
		batch: batch ?? (count >= many ? 128 : 64),
	};
}

/** The model of a run, and what is known of it. */
interface TrainedModel {
	readonly model: VQVAE<Quantizer>;
	/** See `modelHash`. */
	readonly hash: string;
	/** [C, H, W] */
	readonly image: readonly [number, number, number];
	/** Of reconstructions of the held-out images: their mean squared error over the data's variance. */
	readonly nmse: number;
	readonly heldOutName: "validation" | "test";
}

/** How well the prior does on the test images, next to the error of the model. */
interface TestNumbers extends Readonly<Record<string, number>> {
	/** Per code. */
	readonly nats: number;
	readonly bitsPerImage: number;
	readonly bitsPerDim: number;
	readonly nmse: number;
}

/** The best of the rates that were measured with the other defaults. */
export const defaultPriorRate = 4e-3;
/** Samples in samples.png: a row for each class, up to `pictureRows` of them. */
const pictureColumns = 8;
const pictureRows = 10;
/** Between two drawings of samples, because they take seconds without a GPU. */
const millisecondsPerPicture = 60_000;

/** The options that may differ when a training continues. */
const changeable = ["epochs", "lr"] as const;

/**
 * Trains a prior on the codes of a run's images, and writes it to the folder of the run.
 *
 * @param options those that are given, if the training continues; prior-config.json has the others
 * @param resume whether a training that has ended or was interrupted continues from its newest checkpoint
 */
export async function trainPrior(
	path: string,
	options: GivenPriorOptions,
	given: Readonly<Partial<GivenPriorOptions>>,
	resume: boolean,
	control: RunControl,
): Promise<void> {
	const phases = new Phases();
	const run = await runFolderOf(path);
	const config = await readRunConfig(run);
	const file = await modelFile(run);
	const folder = await RunFolder.open(run);
	try {
		const hash = await modelHash(run);
		const before = resume ? await optionsBefore(run, given, hash) : undefined;
		const images = before?.images ?? options.images ?? defaultImages(config);
		const sources = await phases.time("reading images", () =>
			openRunSources(dataOptionsOf(config, { ...config, images }), cacheFolderOf(run)),
		);
		try {
			const chosen = before ?? withDefaults({ ...options, images }, sources.train.count);
			const saved = { ...chosen, model: hash, version: TESSERA_VERSION, date: new Date().toISOString() };
			const checkpoint = resume ? await newestCheckpoint(run, "prior-checkpoint") : undefined;
			checkEpochs("tessera train-prior", run, checkpoint, chosen.epochs);
			const start = async (gpu: Gpu) => {
				const training = await startPrior(gpu, await loadModel(gpu, file), hash, folder, chosen, sources, phases);
				await folder.write("prior-config.json", `${JSON.stringify(saved, undefined, "\t")}\n`);
				return { training, folder };
			};
			await trainWithRetries("tessera train-prior --resume", chosen, control, phases, checkpoint, start);
			const seen = chosen.epochs * sources.train.count;
			if (seen < seenImages / 2)
				print(
					`The prior has seen ${plural(seen, "image")}. Samples can usually be read from about ${seenImages.toLocaleString("en-US")} on: tessera train-prior ${run} --resume --epochs ${Math.ceil(seenImages / sources.train.count)}`,
				);
		} finally {
			await sources.close();
		}
	} finally {
		folder.release();
	}
}

/** Encodes the images, and makes the training. */
async function startPrior(
	gpu: Gpu,
	model: VQVAE<Quantizer>,
	hash: string,
	folder: RunFolder,
	options: TrainPriorOptions,
	{ train, heldOut, heldOutName }: RunSources,
	phases: Phases,
): Promise<PriorTraining> {
	const encoded = (name: string, source: ImageSource) =>
		withProgress(`encoding ${name}`, source.count, (progress) =>
			encodeSet(gpu, model, source, (done) => progress.update(done, "images")),
		);
	const sets = await phases.time("encoding", async () => ({
		train: await encoded("train", train),
		heldOut: await encoded(heldOutName, heldOut),
	}));
	const nmse = await phases.time("reconstructing", () => reconstructionError(gpu, model, heldOut));
	checkPriorSizes(gpu, options, { ...sets.train.grid, count: sets.train.count }, model.vqLayer.numEmbeddings);
	const image = [train.channels, train.height, train.width] as const;
	return new PriorTraining(gpu, { model, hash, image, nmse, heldOutName }, folder, options, sets.train, sets.heldOut);
}

/** The options of a training that continues. @throws DataError if there is none, ArgumentError naming options that differ */
async function optionsBefore(
	run: string,
	given: Readonly<Partial<GivenPriorOptions>>,
	hash: string,
): Promise<TrainPriorOptions> {
	const path = join(run, "prior-config.json");
	const bytes = await readFileIfThere(path);
	if (bytes === undefined)
		throw new DataError(`"${run}" has no training of a prior to continue: run \`tessera train-prior ${run}\` first.`);
	let before: (TrainPriorOptions & { readonly model: string }) | null;
	try {
		before = JSON.parse(bytes.toString());
	} catch (cause) {
		throw new FormatError(`"${path}" is not JSON: train the prior again.`, { cause });
	}
	if (before?.model !== hash)
		throw new DataError(
			`The model of "${run}" is another one than the prior was trained for: run \`tessera train-prior ${run}\` again.`,
		);
	checkUnchanged("tessera train-prior", { ...before }, given, changeable);
	return { ...before, epochs: given.epochs ?? before.epochs, lr: given.lr ?? before.lr };
}

/** The training of a prior. */
class PriorTraining implements Training<Tensor, PriorPoint, TestNumbers> {
	private readonly module: GatedPixelCNN;
	private readonly random: Random;
	readonly heldOutName: "validation" | "test";
	readonly trainingImages: number;
	readonly rates: { readonly lr: number; readonly standard: number };
	readonly files = {
		weights: "prior.safetensors",
		best: "prior-best.safetensors",
		metrics: "prior-metrics.jsonl",
		table: "prior-metrics.csv",
		pictures: "samples.png",
		chart: "prior-chart.svg",
		checkpoint: "prior-checkpoint",
	};
	readonly labels = { weights: "Prior", pictures: "Samples" };
	readonly replacesFiles = true;
	private readonly sizes: GatedPixelCNNOptions;
	private readonly trainer: PriorTrainer;
	private lastPicture = performance.now();

	constructor(
		readonly gpu: Gpu,
		private readonly trained: TrainedModel,
		private readonly folder: RunFolder,
		private readonly options: TrainPriorOptions,
		private readonly trainSet: CodeSet,
		private readonly testSet: CodeSet,
	) {
		const { channels, layers, kernel: kernelSize, seed, epochs, batch, lr, dropout } = options;
		const { height, width } = trainSet.grid;
		const numEmbeddings = trained.model.vqLayer.numEmbeddings;
		const numClasses = classesOf(trainSet, testSet);
		this.sizes = { numEmbeddings, height, width, channels, layers, kernelSize, numClasses, seed };
		this.module = new GatedPixelCNN(gpu, this.sizes);
		this.trainingImages = trainSet.count;
		this.heldOutName = trained.heldOutName;
		this.rates = { lr, standard: defaultPriorRate };
		const steps = epochs * Math.ceil(trainSet.count / batch);
		this.trainer = new PriorTrainer(this.module, { lr, steps, dropout, seed });
		this.random = new Random(seed).fork();
	}

	async prepare(phases: Phases): Promise<void> {
		const { trainSet, module: prior, trainer, trained, gpu, options } = this;
		const { height, width } = trainSet.grid;
		const parameters = prior.parameters().reduce((sum, { size }) => sum + size, 0);
		print(
			`Training a prior of ${plural(parameters, "parameter")} on ${plural(trainSet.count, "grid")} of ${width} × ${height} codes` +
				`${prior.numClasses > 0 ? ` of ${plural(prior.numClasses, "class", "classes")}` : ""}, which the model reconstructs with a ${trained.heldOutName} NMSE of ${trained.nmse.toFixed(4)}, on ${gpu.adapter.description || gpu.adapter.device}.`,
		);
		await phases.time("compiling kernels", () =>
			trainer.prepare([Math.min(options.batch, trainSet.count), height, width]),
		);
	}

	async *epoch(_epoch: number, from: number): AsyncGenerator<Batch<Tensor>, void, undefined> {
		const { gpu, trainer, trainSet, options, random } = this;
		const lists = batches(trainSet.count, options.batch, random);
		for (let i = 0; i < from; i++) lists.next();
		for (const indices of lists)
			yield {
				count: indices.length,
				step: () => gpu.scope(() => gpu.keep(trainer.step(this.batch(trainSet, indices)))),
			};
	}

	skipEpoch(): void {
		this.random.permutation(this.trainSet.count);
	}

	weights(): Record<string, AnyTensor> {
		return this.module.stateDict();
	}

	state(): Record<string, AnyTensor> {
		return this.trainer.stateDict();
	}

	loadState(state: Readonly<Record<string, HostTensor>>): void {
		this.trainer.loadStateDict(state);
	}

	errorOf({ nats }: TestNumbers): number {
		return nats;
	}

	readLosses(steps: readonly Tensor[]): Promise<readonly PriorPoint[]> {
		return this.trainer.readLosses(steps);
	}

	describeStep({ nats }: PriorPoint): string {
		return `${nats.toFixed(3)} nats per code`;
	}

	metadata(): Record<string, string> {
		return priorMetadata(this.sizes, this.testSet.grid.levels, this.trained.hash);
	}

	async evaluate(): Promise<TestNumbers> {
		const { testSet, trained, module: prior, gpu, trainer } = this;
		const lists = [...batches(testSet.count, gridsPerBatch(prior, gpu))];
		const nats = await trainer.evaluate(lists.map((indices) => () => this.batch(testSet, indices)));
		const { height, width } = testSet.grid;
		const [channels, rows, columns] = trained.image;
		const bitsPerImage = (nats * height * width) / Math.LN2;
		return { nats, bitsPerImage, bitsPerDim: bitsPerImage / (channels * rows * columns), nmse: trained.nmse };
	}

	describeEpoch({ nats, bitsPerImage }: TestNumbers): string {
		return `${nats.toFixed(4)} nats per code, ${bitsPerImage.toFixed(1)} bits per image`;
	}

	describeResult({ nats, bitsPerImage, bitsPerDim, nmse }: TestNumbers): string {
		const { numClasses } = this.module;
		const label = Math.log2(numClasses);
		return (
			`${this.heldOutName === "test" ? "Test" : "Validation"}: ${nats.toFixed(4)} nats per code, ${bitsPerImage.toFixed(1)} bits per image (${bitsPerDim.toFixed(4)} bits/dim)` +
			`${numClasses > 0 ? ` given its class, ${(bitsPerImage + label).toFixed(1)} with the ${label.toFixed(1)} bits of the class` : ""}` +
			`, at a ${this.heldOutName} NMSE of ${nmse.toFixed(4)}`
		);
	}

	/** Draws samples after the first and the last epoch, and at most once a minute in between. */
	async drawPictures(epoch: number, isLast: boolean): Promise<void> {
		if (!isLast && epoch !== 1 && performance.now() - this.lastPicture <= millisecondsPerPicture) return;
		await this.folder.write(this.files.pictures, await this.pictures());
		this.lastPicture = performance.now();
	}

	writeReport(_step: number, state: RunState): Promise<void> {
		return writeReport(this.folder, "prior", state);
	}

	chart(rows: readonly PriorPoint[], tests: readonly TestRow<TestNumbers>[]): Promise<string> {
		return priorChart(rows, tests, `Prior of ${this.folder.path}`);
	}

	private batch(set: CodeSet, indices: Uint32Array): CodeBatch {
		const { gpu, module: prior } = this;
		const { height, width } = set.grid;
		const size = height * width;
		const codes = new Uint32Array(indices.length * size);
		for (const [i, index] of indices.entries())
			codes.set(set.codes.subarray(index * size, (index + 1) * size), i * size);
		const { labels } = set;
		return {
			codes: gpu.tensor(codes, [indices.length, height, width]),
			labels:
				prior.numClasses === 0 || labels === undefined
					? undefined
					: gpu.tensor(
							indices.map((index) => labels[index]),
							[indices.length],
						),
		};
	}

	private async pictures(): Promise<Uint8Array> {
		const { module: prior, trained, testSet } = this;
		const { model } = trained;
		const rows = prior.numClasses > 0 ? Math.min(prior.numClasses, pictureRows) : pictureRows / 2;
		const count = rows * pictureColumns;
		const labels = Uint32Array.from({ length: count }, (_, i) => Math.floor(i / pictureColumns));
		const drawing = { count, seed: this.options.seed, labels: prior.numClasses > 0 ? labels : undefined };
		const images = await withProgress("drawing samples", count, (progress) =>
			sampleImages({ prior, model, levels: testSet.grid.levels }, drawing, (done) => progress.update(done, "images")),
		);
		return gridOfImages(images, pictureColumns);
	}
}

/** The number of classes: the highest label + 1, or 0 if the images have no labels or only label 0. */
function classesOf(train: CodeSet, test: CodeSet): number {
	if (train.labels === undefined || test.labels === undefined) return 0;
	const highest = [train.labels, test.labels].reduce(
		(most, labels) => labels.reduce((a, b) => Math.max(a, b), most),
		0,
	);
	return highest > 0 ? highest + 1 : 0;
}
