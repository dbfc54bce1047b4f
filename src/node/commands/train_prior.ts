import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { batches } from "../../data/image_set.js";
import { saveSafetensors } from "../../io/checkpoint.js";
import { Random } from "../../nn/random.js";
import { GatedPixelCNN, type GatedPixelCNNOptions } from "../../prior/gated_pixel_cnn.js";
import { type CodeBatch, PriorTrainer } from "../../prior/prior_trainer.js";
import type { Gpu } from "../../tensor/gpu.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Quantizer } from "../../vqvae/quantizer.js";
import type { VQVAE } from "../../vqvae/vqvae.js";
import { gridsAtOnce } from "../at_once.js";
import { type CodeSet, encodeSet, reconstructionError } from "../code_sets.js";
import { writeFileAtomic } from "../files.js";
import { trainUntilInterrupted } from "../interrupt.js";
import { loadModel } from "../load_model.js";
import { modelHash, priorMetadata } from "../load_prior.js";
import { type AdapterChoice, openDevice } from "../open_device.js";
import { type PriorPoint, priorChart } from "../prior_chart.js";
import { startProgress } from "../progress.js";
import { loadRunData, readRunData } from "../run_data.js";
import { gridOfImages, sampleImages } from "../sample_grid.js";

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

/** A loss that is still on the GPU. */
interface Pending {
	readonly loss: Tensor;
	readonly step: number;
}

/** As `tessera train` reads its losses. */
const stepsPerRead = 16;
const millisecondsPerRead = 200;
/** Samples in samples.png: a row for each class, up to so many of them. */
const pictureColumns = 8;
/** Between two of them, since drawing them takes seconds where there is no GPU. */
const millisecondsPerPicture = 60_000;
const pictureRows = 10;

/** `tessera train-prior`: trains a prior on the codes of a run's images, and leaves it in the folder of the run. */
export async function trainPrior(run: string, options: TrainPriorOptions): Promise<void> {
	const trained = await readRunData(run);
	const data = await loadRunData({ ...trained, images: options.images ?? trained.images });
	const gpu = await openDevice({ adapter: options.adapter });
	const model = await loadModel(gpu, join(run, "model.safetensors"));
	const hash = await modelHash(run);
	const encoded = (name: "train" | "test") => {
		const progress = startProgress(`encoding ${name}`, data[name].count);
		return encodeSet(gpu, model, data[name], (done) => progress.update(done, "images")).finally(() => progress.stop());
	};
	const [trainSet, testSet] = [await encoded("train"), await encoded("test")];
	const nmse = await reconstructionError(gpu, model, data.test);
	const image = [data.train.channels, data.train.height, data.train.width] as const;
	const training = new PriorTraining(gpu, model, run, options, trainSet, testSet, { hash, image, nmse });
	await trainUntilInterrupted(training);
	training.report();
	gpu.dispose();
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
	private pending: Pending[] = [];
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
		const { trainSet, prior } = this;
		const { epochs, batch } = this.options;
		const { height, width } = trainSet.grid;
		const parameters = prior.parameters().reduce((sum, { size }) => sum + size, 0);
		console.log(
			`Training a prior of ${parameters.toLocaleString("en-US")} parameters on ${trainSet.count} grids of ${height}×${width} codes` +
				`${prior.numClasses > 0 ? ` of ${prior.numClasses} classes` : ""}, which the model reconstructs with a test NMSE of ${this.facts.nmse.toFixed(4)}, on ${this.gpu.adapter.description || this.gpu.adapter.device}.`,
		);
		await writeFileAtomic(join(this.run, "prior-metrics.jsonl"), "");
		await this.trainer.prepare([Math.min(batch, trainSet.count), height, width]);
		for (this.epoch = 1; this.epoch <= epochs && !this.stopped; this.epoch++) {
			const progress = startProgress(`epoch ${this.epoch}/${epochs}`, this.stepsPerEpoch);
			const epochStart = performance.now();
			let done = 0;
			let seen = 0;
			for (const indices of batches(trainSet.count, batch, this.random)) {
				const loss = this.gpu.scope(() => this.gpu.keep(this.trainer.step(this.batch(trainSet, indices))));
				this.pending.push({ loss, step: ++this.step });
				done++;
				seen += indices.length;
				if (this.readIsDue() || done === this.stepsPerEpoch) {
					const nats = await this.readLosses();
					const speed = Math.round((seen * 1000) / (performance.now() - epochStart));
					progress.update(done, `${speed} images/s ${nats.toFixed(3)} nats per code`);
				}
				if (this.stopped) break;
				await this.gpu.throttle();
			}
			progress.stop();
			await this.endEpoch();
		}
	}

	/** Says how it went and where everything is. */
	report(): void {
		const { run, stopped, prior } = this;
		const seconds = ((performance.now() - this.start) / 1000).toFixed(1);
		if (stopped) console.log(`Stopped after ${this.step} steps.`);
		if (this.step === 0) return;
		const last = this.points.test.at(-1);
		if (last !== undefined) {
			const { bitsPerImage, bitsPerDim } = this.bitsOf(last.nats);
			const label = Math.log2(prior.numClasses);
			console.log(
				`Test: ${last.nats.toFixed(4)} nats per code, ${bitsPerImage.toFixed(1)} bits per image (${bitsPerDim.toFixed(4)} bits/dim)` +
					`${prior.numClasses > 0 ? ` given its class, ${(bitsPerImage + label).toFixed(1)} with the ${label.toFixed(1)} bits of the class` : ""}` +
					`, at a test NMSE of ${this.facts.nmse.toFixed(4)}, after ${this.step} steps in ${seconds} s.`,
			);
		}
		console.log(
			[
				`Prior:   ${run}/prior.safetensors`,
				`Samples: ${run}/samples.png`,
				`Chart:   ${run}/prior-chart.svg`,
				`Metrics: ${run}/prior-metrics.jsonl`,
			].join("\n"),
		);
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
		const values = await this.gpu.readAll(pending.map(({ loss }) => loss));
		const rows = pending.map(({ loss, step }, i) => {
			loss.dispose();
			return { step, nats: values[i][0] as number };
		});
		this.points.training.push(...rows);
		await this.log(rows.map((row) => ({ type: "step", epoch, ...row })));
		this.lastRead = performance.now();
		return rows.at(-1)?.nats ?? Number.NaN;
	}

	/** Evaluates (unless the run was stopped), and writes samples, chart and weights. */
	private async endEpoch(): Promise<void> {
		const { testSet, epoch, step, run } = this;
		if (!this.stopped) {
			const lists = [...batches(testSet.count, gridsAtOnce(this.prior))];
			const nats = await this.trainer.evaluate(lists.map((indices) => () => this.batch(testSet, indices)));
			this.points.test.push({ step, nats });
			const bits = this.bitsOf(nats);
			const seconds = (performance.now() - this.start) / 1000;
			await this.log([{ type: "epoch", epoch, step, nats, ...bits, nmse: this.facts.nmse, seconds }]);
			console.log(
				`epoch ${epoch}: test ${nats.toFixed(4)} nats per code, ${bits.bitsPerImage.toFixed(1)} bits per image`,
			);
		}
		const metadata = priorMetadata(this.sizes, testSet.grid.levels, this.facts.hash);
		const bytes = await saveSafetensors(this.prior.stateDict(), metadata);
		await writeFileAtomic(join(run, "prior.safetensors"), bytes);
		const isLast = this.stopped || epoch === this.options.epochs;
		if (isLast || epoch === 1 || performance.now() - this.lastPicture > millisecondsPerPicture) {
			await writeFileAtomic(join(run, "samples.png"), await this.pictures());
			this.lastPicture = performance.now();
		}
		const { training, test } = this.points;
		await writeFileAtomic(join(run, "prior-chart.svg"), await priorChart(training, test, `Prior of ${run}`));
	}

	private async pictures(): Promise<Uint8Array> {
		const { prior, model, testSet } = this;
		const rows = prior.numClasses > 0 ? Math.min(prior.numClasses, pictureRows) : pictureRows / 2;
		const count = rows * pictureColumns;
		const labels = Uint32Array.from({ length: count }, (_, i) => Math.floor(i / pictureColumns));
		const images = await sampleImages(
			{ prior, model, levels: testSet.grid.levels },
			{ count, seed: this.options.seed, labels: prior.numClasses > 0 ? labels : undefined },
		);
		return gridOfImages(images, pictureColumns);
	}

	private async log(rows: readonly object[]): Promise<void> {
		const text = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
		await appendFile(join(this.run, "prior-metrics.jsonl"), text);
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
