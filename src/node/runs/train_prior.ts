import { join } from "node:path";
import { batches } from "../../data/image_set.js";
import { DivergenceError } from "../../base/errors.js";
import { saveSafetensors } from "../../io/checkpoint.js";
import { loadSafetensors } from "../../io/safetensors.js";
import { Random } from "../../base/random.js";
import { GatedPixelCNN, type GatedPixelCNNOptions } from "../../prior/gated_pixel_cnn.js";
import { type CodeBatch, PriorTrainer } from "../../prior/prior_trainer.js";
import type { Tensor, Gpu} from "../../tensor/tensor.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import type { VQVAE } from "../../vqvae/vqvae.js";
import { type AdapterChoice, openDevice } from "../adapters/open_device.js";
import { writeFileAtomic } from "../files.js";
import { gridsAtOnce } from "../images/batch_sizes.js";
import { plural } from "../plural.js";
import { type CodeSet, encodeSet, reconstructionError } from "./code_sets.js";
import { explainDivergence } from "./explain_divergence.js";
import { checkWeightsAreFinite } from "./finite_weights.js";
import { modelFile, runFolderOf } from "./inputs.js";
import { trainUntilInterrupted } from "./interrupt.js";
import { loadModel } from "./load_model.js";
import { modelHash, priorMetadata } from "./load_prior.js";
import { appendMetrics, clearMetrics } from "./metrics_file.js";
import { Phases } from "./phases.js";
import { type PriorPoint, priorChart } from "./prior_chart.js";
import { withProgress } from "./progress.js";
import { loadRunData, readRunData } from "./run_data.js";
import { lockRun, type RunLock } from "./run_lock.js";
import { gridOfImages, sampleImages } from "./sample_grid.js";
import { checkPriorSizes } from "./size_limits.js";
import { warnOnFailure } from "./warning.js";

export interface TrainPriorOptions {
	/** How many training images to use instead of as many as the run; of the built-in digits as many are drawn. */
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
	readonly adapter: AdapterChoice | undefined;
}

/** What bits are to be seen beside, and what the prior is one of. */
interface ModelFacts {
	/** See `modelHash`. */
	readonly hash: string;
	/** [C, H, W] */
	readonly image: readonly [number, number, number];
	/** Test images after the VQ-VAE: their mean squared error over the data's variance. */
	readonly nmse: number;
}

/** With the other defaults the rate that measured best. */
export const defaultPriorRate = 4e-3;
/** As `tessera train` reads its losses. */
const stepsPerRead = 16;
const millisecondsPerRead = 200;
/** Samples in samples.png: a row for each class, up to so many of them. */
const pictureColumns = 8;
/** Between two of them, since drawing them takes seconds where there is no GPU. */
const millisecondsPerPicture = 60_000;
const pictureRows = 10;

/** `tessera train-prior`: trains a prior on the codes of a run's images, and leaves it in the folder of the run. */
export async function trainPrior(path: string, options: TrainPriorOptions): Promise<void> {
	const phases = new Phases();
	const run = await runFolderOf(path);
	const trained = await readRunData(run);
	const file = await modelFile(run);
	const lock = await lockRun(run);
	try {
		const data = await phases.time("reading images", () =>
			loadRunData({ ...trained, images: options.images ?? trained.images }),
		);
		const gpu = await phases.time("opening the device", () => openDevice({ adapter: options.adapter }));
		const model = await loadModel(gpu, file);
		const hash = await modelHash(run);
		const encoded = (name: "train" | "test") =>
			withProgress(`encoding ${name}`, data[name].count, (progress) =>
				encodeSet(gpu, model, data[name], (done) => progress.update(done, "images")),
			);
		const sets = await phases.time("encoding", async () => ({
			train: await encoded("train"),
			test: await encoded("test"),
		}));
		const nmse = await phases.time("reconstructing", () => reconstructionError(gpu, model, data.test));
		checkPriorSizes(gpu, options, { ...sets.train.grid, count: sets.train.count }, model.vqLayer.numEmbeddings);
		const image = [data.train.channels, data.train.height, data.train.width] as const;
		const training = new PriorTraining(
			gpu,
			model,
			run,
			options,
			sets.train,
			sets.test,
			{ hash, image, nmse },
			lock,
			phases,
		);
		await trainUntilInterrupted(training);
		training.report();
		gpu.dispose();
	} finally {
		lock.release();
	}
}

/** One training run of a prior. */
class PriorTraining {
	/** Set by Ctrl-C: the run ends after the step it is in. */
	stopped = false;
	private readonly prior: GatedPixelCNN;
	private readonly sizes: GatedPixelCNNOptions;
	private readonly trainer: PriorTrainer;
	private readonly random: Random;
	private readonly stepsPerEpoch: number;
	private readonly points: { training: PriorPoint[]; test: PriorPoint[] } = { training: [], test: [] };
	/** The losses of the steps since the last read, still on the GPU. */
	private pending: Tensor[] = [];
	/** Rows for prior-metrics.jsonl, which stays that of an older prior until the first weights replace that. */
	private unwritten: object[] | undefined = [];
	/** The step whose weights are in the folder. */
	private savedStep: number | undefined;
	private step = 0;
	private epoch = 0;
	private lastRead = performance.now();
	private lastPicture = performance.now();
	private readonly start = performance.now();

	constructor(
		private readonly gpu: Gpu,
		private readonly model: VQVAE<Quantizer>,
		private readonly run: string,
		private readonly options: TrainPriorOptions,
		private readonly trainSet: CodeSet,
		private readonly testSet: CodeSet,
		private readonly facts: ModelFacts,
		private readonly lock: RunLock,
		private readonly phases: Phases,
	) {
		const { channels, layers, kernel: kernelSize, seed, epochs, batch, lr, dropout } = options;
		const { height, width } = trainSet.grid;
		const numEmbeddings = model.vqLayer.numEmbeddings;
		const numClasses = classesOf(trainSet, testSet);
		this.sizes = { numEmbeddings, height, width, channels, layers, kernelSize, numClasses, seed };
		this.prior = new GatedPixelCNN(gpu, this.sizes);
		this.stepsPerEpoch = Math.ceil(trainSet.count / batch);
		this.trainer = new PriorTrainer(this.prior, { lr, steps: epochs * this.stepsPerEpoch, dropout, seed });
		this.random = new Random(seed).fork();
	}

	async train(): Promise<void> {
		const { trainSet, prior, phases, run } = this;
		const { epochs, batch } = this.options;
		const { height, width } = trainSet.grid;
		const parameters = prior.parameters().reduce((sum, { size }) => sum + size, 0);
		console.log(
			`Training a prior of ${plural(parameters, "parameter")} on ${plural(trainSet.count, "grid")} of ${width} × ${height} codes` +
				`${prior.numClasses > 0 ? ` of ${plural(prior.numClasses, "class", "classes")}` : ""}, which the model reconstructs with a test NMSE of ${this.facts.nmse.toFixed(4)}, on ${this.gpu.adapter.description || this.gpu.adapter.device}.`,
		);
		await phases.time("compiling kernels", () =>
			this.trainer.prepare([Math.min(batch, trainSet.count), height, width]),
		);
		try {
			for (this.epoch = 1; this.epoch <= epochs && !this.stopped; this.epoch++) {
				await phases.time("training", () => this.trainEpoch());
				await this.endEpoch();
			}
		} catch (error) {
			if (!(error instanceof DivergenceError)) throw error;
			const rates = { lr: this.options.lr, standard: defaultPriorRate };
			throw explainDivergence(error, rates, { file: `${run}/prior.safetensors`, step: this.savedStep });
		}
	}

	/** Says how it went and where everything is. */
	report(): void {
		const { run, stopped, prior, phases, step } = this;
		if (stopped) console.log(`Stopped after ${plural(step, "step")}${step === 0 ? ": there are no new weights" : ""}.`);
		if (step === 0) return;
		const last = this.points.test.at(-1);
		if (last !== undefined) {
			const { bitsPerImage, bitsPerDim } = this.bitsOf(last.nats);
			const label = Math.log2(prior.numClasses);
			console.log(
				`Test: ${last.nats.toFixed(4)} nats per code, ${bitsPerImage.toFixed(1)} bits per image (${bitsPerDim.toFixed(4)} bits/dim)` +
					`${prior.numClasses > 0 ? ` given its class, ${(bitsPerImage + label).toFixed(1)} with the ${label.toFixed(1)} bits of the class` : ""}` +
					`, at a test NMSE of ${this.facts.nmse.toFixed(4)}, after ${plural(last.step, "step")}.`,
			);
		}
		console.log(
			[
				`Took ${phases}.`,
				`Prior:   ${run}/prior.safetensors`,
				`Samples: ${run}/samples.png`,
				`Chart:   ${run}/prior-chart.svg`,
				`Metrics: ${run}/prior-metrics.jsonl`,
			].join("\n"),
		);
	}

	private async trainEpoch(): Promise<void> {
		const { trainSet, stepsPerEpoch } = this;
		const { epochs, batch } = this.options;
		await withProgress(`epoch ${this.epoch}/${epochs}`, stepsPerEpoch, async (progress) => {
			const start = performance.now();
			let done = 0;
			let seen = 0;
			for (const indices of batches(trainSet.count, batch, this.random)) {
				this.pending.push(this.gpu.scope(() => this.gpu.keep(this.trainer.step(this.batch(trainSet, indices)))));
				this.step++;
				done++;
				seen += indices.length;
				if (this.readIsDue() || done === stepsPerEpoch) {
					const nats = await this.readLosses();
					const speed = Math.round((seen * 1000) / (performance.now() - start));
					progress.update(done, `${plural(speed, "image")}/s ${nats.toFixed(3)} nats per code`);
				}
				if (this.stopped) break;
				await this.gpu.throttle();
			}
		});
	}

	private bitsOf(nats: number): { readonly bitsPerImage: number; readonly bitsPerDim: number } {
		const { height, width } = this.testSet.grid;
		const bitsPerImage = (nats * height * width) / Math.LN2;
		const [channels, rows, columns] = this.facts.image;
		return { bitsPerImage, bitsPerDim: bitsPerImage / (channels * rows * columns) };
	}

	private batch(set: CodeSet, indices: Uint32Array): CodeBatch {
		const { gpu, prior } = this;
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

	private readIsDue(): boolean {
		return (
			this.stopped || this.pending.length >= stepsPerRead || performance.now() - this.lastRead > millisecondsPerRead
		);
	}

	/** Reads the losses since the last time, logs them, and gives the last one. */
	private async readLosses(): Promise<number> {
		const { pending, epoch } = this;
		this.pending = [];
		const log = async (rows: readonly PriorPoint[]) => {
			this.points.training.push(...rows);
			await this.log(rows.map((row) => ({ type: "step", epoch, ...row })));
		};
		const rows = await this.trainer.readLosses(pending).catch(async (error) => {
			if (error instanceof DivergenceError) await log(error.before as readonly PriorPoint[]);
			throw error;
		});
		await log(rows);
		this.lastRead = performance.now();
		return rows.at(-1)?.nats ?? Number.NaN;
	}

	/** Writes the weights, evaluates them, and draws samples and chart. */
	private async endEpoch(): Promise<void> {
		const { phases } = this;
		await phases.time("writing weights", () => this.saveWeights());
		await phases.time("testing", () => this.evaluate());
		await phases.time("drawing samples", async () => {
			await warnOnFailure("samples.png", () => this.drawSamples());
			await warnOnFailure("The chart", async () => {
				const { training, test } = this.points;
				const chart = await priorChart(training, test, `Prior of ${this.run}`);
				await writeFileAtomic(join(this.run, "prior-chart.svg"), chart);
			});
		});
	}

	/** @throws DivergenceError instead of writing weights that are not finite over others */
	private async saveWeights(): Promise<void> {
		const { run, step, prior, testSet } = this;
		const metadata = priorMetadata(this.sizes, testSet.grid.levels, this.facts.hash);
		const bytes = await saveSafetensors(prior.stateDict(), metadata);
		checkWeightsAreFinite(step, loadSafetensors(bytes));
		await this.lock.checkHeld();
		await writeFileAtomic(join(run, "prior.safetensors"), bytes);
		this.savedStep = step;
		const { unwritten } = this;
		if (unwritten === undefined) return;
		this.unwritten = undefined;
		await clearMetrics(this.metricsPath());
		await this.log(unwritten);
	}

	private async evaluate(): Promise<void> {
		const { testSet, epoch, step } = this;
		if (this.stopped) process.stderr.write("Testing the weights as they are; stop again to leave that out.\n");
		const lists = [...batches(testSet.count, gridsAtOnce(this.prior, this.gpu))];
		const nats = await this.trainer.evaluate(lists.map((indices) => () => this.batch(testSet, indices)));
		this.points.test.push({ step, nats });
		const bits = this.bitsOf(nats);
		const seconds = (performance.now() - this.start) / 1000;
		await this.log([{ type: "epoch", epoch, step, nats, ...bits, nmse: this.facts.nmse, seconds }]);
		console.log(
			`epoch ${epoch}: test ${nats.toFixed(4)} nats per code, ${bits.bitsPerImage.toFixed(1)} bits per image`,
		);
	}

	/** Draws samples.png at the first and the last epoch, and now and then between. */
	private async drawSamples(): Promise<void> {
		const { epoch, stopped, run } = this;
		const isLast = stopped || epoch === this.options.epochs;
		if (!isLast && epoch !== 1 && performance.now() - this.lastPicture <= millisecondsPerPicture) return;
		await writeFileAtomic(join(run, "samples.png"), await this.pictures());
		this.lastPicture = performance.now();
	}

	private async pictures(): Promise<Uint8Array> {
		const { prior, model, testSet } = this;
		const rows = prior.numClasses > 0 ? Math.min(prior.numClasses, pictureRows) : pictureRows / 2;
		const count = rows * pictureColumns;
		const labels = Uint32Array.from({ length: count }, (_, i) => Math.floor(i / pictureColumns));
		const drawing = { count, seed: this.options.seed, labels: prior.numClasses > 0 ? labels : undefined };
		const images = await withProgress("drawing samples", count, (progress) =>
			sampleImages({ prior, model, levels: testSet.grid.levels }, drawing, (done) => progress.update(done, "images")),
		);
		return gridOfImages(images, pictureColumns);
	}

	private async log(rows: readonly object[]): Promise<void> {
		if (this.unwritten !== undefined) this.unwritten.push(...rows);
		else {
			await this.lock.checkHeld();
			await appendMetrics(this.metricsPath(), rows);
		}
	}

	private metricsPath(): string {
		return join(this.run, "prior-metrics.jsonl");
	}
}

/** How many classes there are: one more than the highest label, or none where images have no labels or all the same. */
function classesOf(train: CodeSet, test: CodeSet): number {
	if (train.labels === undefined || test.labels === undefined) return 0;
	const highest = [train.labels, test.labels].reduce(
		(most, labels) => labels.reduce((a, b) => Math.max(a, b), most),
		0,
	);
	return highest > 0 ? highest + 1 : 0;
}
