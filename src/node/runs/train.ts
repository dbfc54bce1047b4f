import { basename, resolve } from "node:path";
import { noGrad } from "../../autograd/tape.js";
import { batches, type ImageSet, subset, variance } from "../../data/image_set.js";
import { DataError, DivergenceError, ShapeError } from "../../base/errors.js";
import { saveSafetensors } from "../../io/checkpoint.js";
import { loadSafetensors } from "../../io/safetensors.js";
import { cosineDecay } from "../../nn/learning_rate.js";
import { Random } from "../../base/random.js";
import { gatherImages, type PackedImages, packImages } from "../../ops/images.js";
import type { Tensor, Gpu} from "../../tensor/tensor.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import { type Evaluation, type StepLosses, type StepRecord, Trainer } from "../../vqvae/trainer.js";
import { VQVAE } from "../../vqvae/vqvae.js";
import { type AdapterChoice, openDevice } from "../adapters/open_device.js";
import { type Dataset, isNamed } from "../datasets/datasets.js";
import { imagesAtOnce } from "../images/batch_sizes.js";
import { reconstructionGrid } from "../images/image_files.js";
import { pixelShift, reconstructImages } from "../images/pictures.js";
import { plural } from "../plural.js";
import { explainDivergence } from "./explain_divergence.js";
import { checkWeightsAreFinite } from "./finite_weights.js";
import { trainUntilInterrupted } from "./interrupt.js";
import { checkpointMetadata } from "./load_model.js";
import { Phases } from "./phases.js";
import { startProgress } from "./progress.js";
import {
	beginsWithLatents,
	initialiseQuantizer,
	type QuantizerOptions,
	quantizerForModel,
} from "./quantizer_options.js";
import { loadRunData } from "./run_data.js";
import { checkFree, RunFolder } from "./run_folder.js";
import { checkImages, checkModelSizes } from "./size_limits.js";
import { warnOnFailure } from "./warning.js";

export interface TrainOptions extends QuantizerOptions {
	readonly data: string;
	/** How many training images to use; of the built-in digits as many are drawn. */
	readonly images: number | undefined;
	readonly epochs: number;
	readonly batch: number;
	readonly lr: number;
	readonly schedule: (typeof schedules)[number];
	/** Channels of the network's inner layers. */
	readonly hidden: number;
	/** In the encoder and in the decoder. */
	readonly residualLayers: readonly [number, number];
	readonly out: string | undefined;
	/** Whether `out` may hold another run, which is removed. */
	readonly overwrite: boolean;
	readonly adapter: AdapterChoice | undefined;
}

/** With the other defaults the rate that measured best. */
export const defaultLearningRate = 6e-3;

/** How the learning rate goes on: down to 0 along half a cosine, or as it is. */
export const schedules = ["cosine", "constant"] as const;

const picturesInGrid = 16;
/** Losses are read when so many steps or so much time has passed, so that a fast GPU seldom waits. */
const stepsPerRead = 16;
const millisecondsPerRead = 200;
/** Latents that the first codes are made of, for each code at least. */
const latentsPerCode = 16;

/** `tessera train`: trains a VQ-VAE and leaves weights, metrics and pictures in a folder. */
export async function train(options: TrainOptions): Promise<void> {
	const phases = new Phases();
	if (options.out !== undefined && !options.overwrite) await checkFree(options.out);
	const { train: trainSet, test: testSet } = await phases.time("reading images", () => load(options));
	const dataVariance = variance(trainSet);
	if (dataVariance === 0)
		throw new DataError(`All training images of ${options.data} are alike, in one shade: there is nothing to learn.`);
	const gpu = await phases.time("opening the device", () => openDevice({ adapter: options.adapter }));
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
		console.log(
			`Training on ${plural(count, "image")} of ${width} × ${height}, ${plural(channels, "channel")} (${trainSet.name}), testing on ${testSet.count.toLocaleString("en-US")}; ` +
				`${plural(codeCount, "code")} of ${plural(dimensions, "number")}; on ${gpu.adapter.description || gpu.adapter.device}.`,
		);
		const run = new Run(gpu, model, folder, options, trainSet, testSet, phases);
		await trainUntilInterrupted(run);
		run.report();
	} finally {
		folder.release();
	}
	gpu.dispose();
}

/** How many codes a model has, and how long they are. */
function sizesOf({ vqLayer }: VQVAE<Quantizer>): { readonly codeCount: number; readonly dimensions: number } {
	return { codeCount: vqLayer.levels * vqLayer.numEmbeddings, dimensions: vqLayer.embeddingDim };
}

async function load(options: TrainOptions): Promise<Dataset> {
	const { train, test } = await loadRunData(options);
	if (train.height % 4 !== 0 || train.width % 4 !== 0)
		throw new ShapeError(
			`The images of ${options.data} are ${train.width} × ${train.height}; width and height must be divisible by 4. Crop or pad them.`,
		);
	return { train, test };
}

/** One training run. */
class Run {
	/** Set by Ctrl-C: the run ends after the step it is in. */
	stopped = false;
	private readonly trainer: Trainer;
	private readonly trainImages: PackedImages;
	private readonly testImages: PackedImages;
	private readonly random: Random;
	private readonly stepsPerEpoch: number;
	/** The losses of the steps since the last read, still on the GPU. */
	private pending: StepLosses[] = [];
	private step = 0;
	private epoch = 0;
	/** The last evaluation, and the step whose weights it is of. */
	private evaluation: (Evaluation & { readonly step: number }) | undefined;
	/** The step whose weights are in the folder. */
	private savedStep: number | undefined;
	private lastRead = performance.now();
	private readonly start = performance.now();

	constructor(
		private readonly gpu: Gpu,
		private readonly model: VQVAE<Quantizer>,
		private readonly folder: RunFolder,
		private readonly options: TrainOptions,
		trainSet: ImageSet,
		private readonly testSet: ImageSet,
		private readonly phases: Phases,
	) {
		this.trainer = new Trainer(model, { lr: options.lr });
		const pack = ({ pixels, count, channels, height, width }: ImageSet) =>
			packImages(gpu, pixels, [count, channels, height, width]);
		this.trainImages = pack(trainSet);
		this.testImages = pack(testSet);
		this.random = new Random(options.seed).fork();
		this.stepsPerEpoch = Math.ceil(trainSet.count / options.batch);
	}

	async train(): Promise<void> {
		const { epochs, batch } = this.options;
		const { phases } = this;
		await phases.time("placing the first codes", () => this.initialiseCodes());
		await phases.time("compiling kernels", () =>
			this.trainer.prepare([Math.min(batch, this.trainImages.count), ...this.trainImages.shape]),
		);
		try {
			for (this.epoch = 1; this.epoch <= epochs && !this.stopped; this.epoch++) {
				await phases.time("training", () => this.trainEpoch());
				await this.endEpoch();
			}
		} catch (error) {
			if (!(error instanceof DivergenceError)) throw error;
			await this.drawChart();
			const rates = { lr: this.options.lr, standard: defaultLearningRate };
			throw explainDivergence(error, rates, { file: `${this.folder.path}/model.safetensors`, step: this.savedStep });
		}
	}

	/** Says how it went and where everything is. */
	report(): void {
		const { folder, evaluation, step, stopped, phases } = this;
		if (stopped) console.log(`Stopped after ${plural(step, "step")}${step === 0 ? ": there are no weights yet" : ""}.`);
		if (step === 0) return;
		if (evaluation !== undefined)
			console.log(
				`Test NMSE ${evaluation.nmse.toFixed(4)}, perplexity ${evaluation.perplexity.toFixed(1)}, ` +
					`${evaluation.codesInUse} of ${plural(sizesOf(this.model).codeCount, "code")} in use, after ${plural(evaluation.step, "step")}.`,
			);
		console.log(
			[
				`Took ${phases}.`,
				`Weights:         ${folder.path}/model.safetensors`,
				`Reconstructions: ${folder.path}/reconstructions.png`,
				`Chart:           ${folder.path}/chart.svg`,
				`Metrics:         ${folder.path}/metrics.jsonl`,
			].join("\n"),
		);
	}

	private async trainEpoch(): Promise<void> {
		const { epochs, batch } = this.options;
		const progress = startProgress(`epoch ${this.epoch}/${epochs}`, this.stepsPerEpoch);
		try {
			const start = performance.now();
			let done = 0;
			let seen = 0;
			for (const indices of batches(this.trainImages.count, batch, this.random)) {
				this.trainer.optimizer.lr = this.learningRate();
				const losses = this.trainer.step(() => this.images(this.trainImages, indices), { keepLosses: true });
				this.pending.push(losses);
				this.step++;
				done++;
				seen += indices.length;
				if (this.readIsDue() || done === this.stepsPerEpoch) {
					const text = await this.readLosses();
					const speed = Math.round((seen * 1000) / (performance.now() - start));
					progress.update(done, `${plural(speed, "image")}/s ${text}`);
				}
				if (this.stopped) break;
				await this.gpu.throttle();
			}
			if (this.pending.length > 0) await this.readLosses();
		} finally {
			progress.stop();
		}
	}

	/** Puts the first codes where the encoder's first latents are, or as the options say. */
	private async initialiseCodes(): Promise<void> {
		const { gpu, model, options } = this;
		const random = this.random.fork();
		const latents = beginsWithLatents(options) ? await this.firstLatents(random) : undefined;
		gpu.scope(() => initialiseQuantizer(model.vqLayer, options.init, latents, options.seed));
		latents?.dispose();
	}

	/** What the encoder gives for images chosen at random, of which there are enough for all codes. */
	private async firstLatents(random: Random): Promise<Tensor> {
		const { gpu, model, options, trainImages } = this;
		const [, height, width] = trainImages.shape;
		const [, dimensions, rows, columns] = model.encoder.cost([1, ...trainImages.shape]).output;
		const enough = Math.ceil((latentsPerCode * model.vqLayer.numEmbeddings) / (rows * columns));
		const first = random.permutation(trainImages.count).slice(0, Math.max(options.batch, enough));
		const latents = new Float32Array(first.length * dimensions * rows * columns);
		const together = imagesAtOnce(model, { height, width });
		for (let from = 0; from < first.length; from += together) {
			const part = gpu.scope(() =>
				noGrad(() => model.encoder.forward(this.images(trainImages, first.subarray(from, from + together)))),
			);
			latents.set(await part.data(), from * dimensions * rows * columns);
			part.dispose();
		}
		return gpu.tensor(latents, [first.length, dimensions, rows, columns]);
	}

	/** Of the next step. */
	private learningRate(): number {
		const { lr, schedule, epochs } = this.options;
		return schedule === "constant" ? lr : lr * cosineDecay(this.step, epochs * this.stepsPerEpoch, 0);
	}

	private images(set: PackedImages, indices: Uint32Array): Tensor {
		return gatherImages(set, this.gpu.tensor(indices, [indices.length]), { shift: pixelShift });
	}

	private readIsDue(): boolean {
		return (
			this.stopped || this.pending.length >= stepsPerRead || performance.now() - this.lastRead > millisecondsPerRead
		);
	}

	/** Reads the losses since the last time, logs them, and says what the progress bar should show. */
	private async readLosses(): Promise<string> {
		const { pending } = this;
		this.pending = [];
		const log = async (records: readonly StepRecord[]) => {
			const rows = records.map((record) => ({ epoch: this.epoch, ...record }));
			await this.folder.logSteps(rows);
			return rows;
		};
		const records = await this.trainer.readLosses(pending).catch(async (error) => {
			if (error instanceof DivergenceError) await log(error.before as readonly StepRecord[]);
			throw error;
		});
		const rows = await log(records);
		this.lastRead = performance.now();
		const last = rows.at(-1);
		return last === undefined
			? ""
			: `loss ${last.loss.toFixed(4)} recon ${last.reconLoss.toFixed(4)} commit ${last.commitmentLoss.toFixed(4)} perplexity ${last.perplexity.toFixed(1)}`;
	}

	/** Writes the weights, evaluates them, and draws pictures and chart. */
	private async endEpoch(): Promise<void> {
		const { phases } = this;
		await phases.time("writing weights", () => this.saveWeights());
		await phases.time("testing", () => this.evaluate());
		await phases.time("drawing pictures", async () => {
			await warnOnFailure("The pictures", () => this.drawPictures());
			await this.drawChart();
		});
	}

	/** @throws DivergenceError instead of writing weights that are not finite over others */
	private async saveWeights(): Promise<void> {
		const { model, folder, step } = this;
		const bytes = await saveSafetensors(model.stateDict(), checkpointMetadata(model, this.options));
		checkWeightsAreFinite(step, loadSafetensors(bytes));
		await folder.write("model.safetensors", bytes);
		this.savedStep = step;
	}

	private async evaluate(): Promise<void> {
		const { model, folder, testSet, epoch, step } = this;
		if (this.stopped) process.stderr.write("Testing the weights as they are; stop again to leave that out.\n");
		const lists = [...batches(testSet.count, imagesAtOnce(model, testSet))];
		const evaluation = await this.trainer.evaluate(lists.map((indices) => () => this.images(this.testImages, indices)));
		this.evaluation = { ...evaluation, step };
		const { nmse, perplexity, codesInUse } = evaluation;
		const seconds = (performance.now() - this.start) / 1000;
		await folder.logEpoch({ epoch, step, nmse, perplexity, codesInUse, seconds });
		console.log(
			`epoch ${epoch}: test NMSE ${nmse.toFixed(4)}, perplexity ${perplexity.toFixed(1)}, ${plural(codesInUse, "code")} in use`,
		);
	}

	private async drawPictures(): Promise<void> {
		const { gpu, model, folder, testSet } = this;
		const shown = subset(testSet, 0, Math.min(picturesInGrid, testSet.count));
		const { channels, height, width, count, pixels } = shown;
		const grid = reconstructionGrid(
			{ images: pixels, count, channels, height, width, columns: 8 },
			await reconstructImages(gpu, model, shown),
		);
		await folder.write(`epoch-${String(this.epoch).padStart(3, "0")}.png`, grid);
		await folder.write("reconstructions.png", grid);
	}

	private async drawChart(): Promise<void> {
		const { codeCount, dimensions } = sizesOf(this.model);
		await warnOnFailure("The chart", () =>
			this.folder.writeChart(`${this.testSet.name}: ${plural(codeCount, "code")} of ${plural(dimensions, "number")}`),
		);
	}
}
