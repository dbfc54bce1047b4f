import { type AnyTensor, type Gpu, loadSafetensors, noGrad, saveSafetensors, type Tensor } from "tessera-gpu";
import { CodebookQuantizer, codeUse, type Quantizer, ResidualQuantizer } from "tessera-gpu/quantizers";
import { type StepLosses, Trainer, type VQVAE } from "tessera-gpu/vqvae";
import type {
	CodebookView,
	Pictures,
	PlaneView,
	RunInfo,
	StepMetrics,
	TestMetrics,
	Watched,
} from "../shared/frames.js";
import { codesOf, learningRate, levelsOf, type Settings } from "../shared/settings.js";
import { codeVectors, firstLevel, firstQuantizer } from "./codes.js";
import { BatchOrder, ImagesOnGpu, type RunImages } from "./data.js";
import { errorMetrics, squaredError } from "./errors.js";
import { initialise, makeModel, modelMetadata } from "./make_model.js";
import { middle, toPictures } from "./pictures.js";
import { type Plane, principalPlane, project } from "./principal_plane.js";
import { Uses } from "./uses.js";

/** Test images above their reconstructions. */
export const shownImages = 16;
/** Training images whose latents initialise the codebook. */
const firstImages = 64;
/** The side of the square of equal codes that is decoded for a code's patch, and of its middle that is shown, in pixels. */
const squareSide = 3;
const patchSide = 8;
/** How many codes are decoded for each frame, on a GPU and on an adapter that computes on the CPU. */
const patchesPerFrame = { gpu: 1024, cpu: 128 };
/** Latents that are shown in the plane. */
const shownLatents = 784;
/** The factor by which earlier counts of codes are multiplied at each frame. */
const memory = 0.6;

/** What `look` returns; parts that were not asked for are undefined. */
export interface Look {
	readonly test: TestMetrics;
	/** How often each code of the first level occurs, [K] */
	readonly counts: Uint32Array;
	readonly reconstructions: ReturnType<typeof toPictures>;
	readonly codebook: CodebookView | undefined;
	readonly plane: PlaneView | undefined;
}

/** The state from which a run continues. */
export interface RunStart {
	/** A safetensors file: what `saveState` gives, or the weights of a model alone. */
	readonly bytes: Uint8Array;
	/** Whether it has weights alone; then the optimizer starts without moments. */
	readonly weightsOnly?: boolean;
	/** Milliseconds of training so far. */
	readonly milliseconds: number;
}

/** A model in training, with the images that it is trained on. */
export class TrainingRun {
	readonly model: VQVAE<Quantizer>;
	readonly images: ImagesOnGpu;
	readonly info: RunInfo;
	/** Milliseconds of training so far. */
	milliseconds = 0;
	private readonly trainer: Trainer;
	private readonly order: BatchOrder;
	private kept: StepLosses[] = [];
	private taken = 0;
	private use: Float32Array;
	private codesBefore: Float32Array | undefined;
	private plane: Plane | undefined;
	private readonly uses = new Uses(() => this.free());
	private patches: Pictures | undefined;
	private nextPatch = 0;

	constructor(
		readonly gpu: Gpu,
		readonly settings: Settings,
		images: RunImages,
		readonly id: string,
		start?: RunStart | undefined,
	) {
		const { train } = images;
		this.images = new ImagesOnGpu(gpu, images);
		this.order = new BatchOrder(train.count, settings.batch, settings.seed);
		const made: { dispose(): void }[] = [this.images];
		try {
			this.model = makeModel(gpu, settings, { channels: train.channels, variance: this.images.variance });
			made.push(this.model);
			this.trainer = new Trainer(this.model, { lr: settings.lr });
			made.push(this.trainer);
			if (start === undefined) gpu.scope(() => initialise(this.model, settings, this.firstImages()));
			else this.load(start);
		} catch (error) {
			for (const each of made.reverse()) each.dispose();
			throw error;
		}
		const { count, channels, height, width } = train;
		this.use = new Float32Array(codesOf(settings)).fill(1);
		this.info = {
			id,
			images: { count, channels, height, width },
			dataName: train.name,
			grid: [height / 4, width / 4],
			levels: levelsOf(settings),
			codes: codesOf(settings),
			classes: images.classes,
			parameters: this.model.parameters().reduce((sum, { size }) => sum + size, 0),
		};
	}

	private firstImages(): Tensor {
		const { count } = this.images.images.train;
		return this.images.trainImages(Uint32Array.from({ length: Math.min(firstImages, count) }, (_, i) => i));
	}

	/** Steps that were taken. */
	get step(): number {
		return this.taken;
	}

	/** The batch that the next step takes, float32 [B, C, H, W]. */
	nextBatch(): Tensor {
		return this.images.trainImages(this.order.at(this.taken));
	}

	/** One training step; waits for nothing. */
	takeStep(): void {
		this.trainer.optimizer.lr = learningRate(this.settings, this.taken);
		this.kept.push(this.trainer.step(() => this.nextBatch(), { keepLosses: true }));
		this.taken += 1;
	}

	/** The losses of the steps since the last call. */
	async readLosses(): Promise<StepMetrics[]> {
		const kept = this.kept.splice(0);
		if (kept.length === 0) return [];
		const records = await this.trainer.readLosses(kept);
		return records.map(({ step, loss, reconLoss, perplexity }) => ({ step, loss, nmse: reconLoss, perplexity }));
	}

	/** Test images, float32 [count, C, H, W]. */
	testImages(count: number): Tensor {
		const { test } = this.images.images;
		return this.images.testImages(Uint32Array.from({ length: count }, (_, i) => i % test.count));
	}

	/** The original test images that `look` shows reconstructions of. */
	originals() {
		const { test } = this.images.images;
		const count = Math.min(shownImages, test.count);
		const values = Float32Array.from(
			test.pixels.subarray(0, count * test.channels * test.height * test.width),
			(byte) => byte / 255 - 0.5,
		);
		return toPictures(values, [count, test.channels, test.height, test.width]);
	}

	/**
	 * Evaluates the model on test images: one forward pass, read back at once.
	 *
	 * @param most how many test images are used at most
	 */
	async look(watched: Watched, most: number): Promise<Look> {
		const { gpu, model } = this;
		const count = Math.min(most, this.images.images.test.count);
		const { codes, grid } = this.info;
		const dim = model.vqLayer.embeddingDim;
		const step = this.taken;
		const decoded = watched.codebook ? this.nextCodes() : undefined;
		const made = gpu.scope(() =>
			noGrad(() => {
				const images = this.testImages(count);
				const latents = model.encoder.forward(images);
				const indices = model.vqLayer.encode(latents);
				const reconstruction = model.decoder.forward(model.vqLayer.lookup(indices));
				const tensors: Record<string, AnyTensor> = { images, indices, reconstruction };
				if (watched.plane) tensors.latents = latents;
				if (decoded !== undefined) tensors.patches = decodeSquares(model, decoded);
				if (watched.codebook || watched.plane) tensors.vectors = codeVectors(model.vqLayer);
				return tensors;
			}),
		);
		const names = Object.keys(made);
		let read: ArrayLike<number>[];
		try {
			read = await gpu.readAll(Object.values(made));
		} finally {
			for (const tensor of Object.values(made)) tensor.dispose();
		}
		const valuesOf = (name: string) => read[names.indexOf(name)] as Float32Array;
		const indices = firstLevel(read[names.indexOf("indices")] as Uint32Array, this.info.levels);
		const [images, reconstruction] = [valuesOf("images"), valuesOf("reconstruction")];
		const mse = squaredError(images, reconstruction) / images.length;
		const counts = new Uint32Array(codes);
		for (const index of indices) counts[index] += 1;
		const { shape } = made.reconstruction as Tensor;
		const one = reconstruction.length / count;
		const shown = Math.min(shownImages, count);
		const vectors = valuesOf("vectors");
		const [h, w] = grid;
		if (decoded !== undefined)
			this.keepPatches(decoded, patchesOf(valuesOf("patches"), (made.patches as Tensor).shape));
		return {
			counts,
			test: { step, ...errorMetrics(mse, this.images.variance), ...codeUse(counts) },
			reconstructions: toPictures(reconstruction.subarray(0, shown * one), [shown, ...shape.slice(1)]),
			codebook:
				this.patches !== undefined && watched.codebook
					? { patches: this.patches, ...this.followUse(counts, vectors), shown: indices.slice(0, shown * h * w), grid }
					: undefined,
			plane: watched.plane ? this.inPlane(valuesOf("latents"), indices, vectors, dim, h * w) : undefined,
		};
	}

	/** The codes whose patches are decoded for this frame: if there are many codes, the next ones in cyclic order. */
	private nextCodes(): Uint32Array {
		const { gpu, cpu } = patchesPerFrame;
		const { codes } = this.info;
		const count = Math.min(codes, this.gpu.adapter.software ? cpu : gpu);
		const first = this.nextPatch;
		this.nextPatch = (first + count) % codes;
		return Uint32Array.from({ length: count }, (_, i) => (first + i) % codes);
	}

	/** Puts the patches of these codes among all. */
	private keepPatches(codes: Uint32Array, some: Pictures): void {
		const one = some.channels * some.width * some.height;
		// A copy, because the previous frame may not have been posted yet.
		const pixels = this.patches?.pixels.slice() ?? new Uint8Array(this.info.codes * one);
		for (const [i, code] of codes.entries()) pixels.set(some.pixels.subarray(i * one, (i + 1) * one), code * one);
		this.patches = { ...some, count: this.info.codes, pixels };
	}

	/** Updates the average use of codes; a code that was unused and has moved far counts as re-initialised. */
	private followUse(counts: Uint32Array, vectors: Float32Array) {
		const before = this.codesBefore;
		const wasUsed = this.use;
		this.use = Float32Array.from(counts, (count, code) => memory * (wasUsed[code] as number) + (1 - memory) * count);
		const reborn = new Uint8Array(counts.length);
		const { vqLayer } = this.model;
		const learns = vqLayer instanceof CodebookQuantizer || vqLayer instanceof ResidualQuantizer;
		if (before?.length === vectors.length && learns && this.settings.deadBelow > 0) {
			const dim = vectors.length / counts.length;
			const distances = Float32Array.from(counts, (_, code) => {
				let sum = 0;
				for (let d = 0; d < dim; d++)
					sum += ((vectors[code * dim + d] as number) - (before[code * dim + d] as number)) ** 2;
				return Math.sqrt(sum);
			});
			const typical = median(distances);
			for (const [code, distance] of distances.entries())
				if ((wasUsed[code] as number) < 1 && distance > 4 * typical && distance > 0) reborn[code] = 1;
		}
		this.codesBefore = vectors;
		return { use: this.use, reborn };
	}

	private inPlane(
		latents: Float32Array,
		indices: Uint32Array,
		vectors: Float32Array,
		dim: number,
		area: number,
	): PlaneView {
		// [B, D, h, w] → [B·h·w, D]
		const count = Math.min(shownLatents, indices.length);
		const rows = new Float32Array(count * dim);
		for (let i = 0; i < count; i++)
			for (let d = 0; d < dim; d++)
				rows[i * dim + d] = latents[(Math.floor(i / area) * dim + d) * area + (i % area)] as number;
		if (this.settings.similarity === "cosine" && this.settings.quantizer !== "fsq") normaliseRows(rows, dim);
		this.plane = principalPlane(rows, dim, this.plane);
		return {
			latents: project(rows, dim, this.plane),
			assigned: indices.slice(0, count),
			codes: project(vectors, dim, this.plane),
			explained: this.plane.explained,
		};
	}

	/** Everything that the next step depends on, as a safetensors file. */
	async saveState(): Promise<Uint8Array> {
		const state = this.trainer.stateDict();
		try {
			return await saveSafetensors(state);
		} finally {
			for (const tensor of Object.values(state)) tensor.dispose();
		}
	}

	private load({ bytes, weightsOnly, milliseconds }: RunStart): void {
		const dict = loadSafetensors(bytes);
		this.milliseconds = milliseconds;
		if (weightsOnly === true) {
			this.model.loadStateDict(dict);
			return;
		}
		this.trainer.loadStateDict(dict);
		this.taken = dict.steps?.data[0] as number;
	}

	/** model.safetensors: the weights, as `tessera train` writes them. */
	saveModel(): Promise<Uint8Array> {
		return saveSafetensors(this.model.stateDict(), modelMetadata(this.settings, this.images.variance));
	}

	/** Runs `body`; the run's tensors are freed after it if the run is disposed of meanwhile. */
	hold<T>(body: () => Promise<T>): Promise<T> {
		return this.uses.hold(body);
	}

	/** Frees the run once nothing holds it. */
	dispose(): void {
		this.uses.end();
	}

	private free(): void {
		for (const losses of this.kept.splice(0)) for (const tensor of Object.values(losses)) tensor.dispose();
		this.trainer.dispose();
		this.model.dispose();
		this.images.dispose();
	}
}

/** A square of each of these codes of the first level (default: of all), decoded: float32 [count, C, 12, 12]. */
export function decodeSquares({ vqLayer, decoder }: VQVAE<Quantizer>, codes?: Uint32Array | undefined): Tensor {
	const { gpu, numEmbeddings } = vqLayer;
	const area = squareSide * squareSide;
	const count = codes?.length ?? numEmbeddings;
	const indices = Uint32Array.from({ length: count * area }, (_, i) => {
		const at = Math.floor(i / area);
		return codes === undefined ? at : (codes[at] as number);
	});
	return decoder.forward(firstQuantizer(vqLayer).lookup(gpu.tensor(indices, [count, squareSide, squareSide])));
}

/** The patches of codes from `decodeSquares`. */
export function patchesOf(squares: Float32Array, shape: Tensor["shape"]): Pictures {
	return middle(toPictures(squares, shape), patchSide);
}

function median(values: Float32Array): number {
	return values.slice().sort()[Math.floor(values.length / 2)] ?? 0;
}

function normaliseRows(rows: Float32Array, dim: number): void {
	for (let start = 0; start < rows.length; start += dim) {
		const row = rows.subarray(start, start + dim);
		const length = Math.hypot(...row);
		if (length > 0) for (let d = 0; d < dim; d++) row[d] = (row[d] as number) / length;
	}
}
