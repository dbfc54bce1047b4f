import { noGrad } from "../autograd/tape.js";
import { checkInstance, checkNumber, checkNumbers } from "../base/arguments.js";
import { ArgumentError, ShapeError } from "../base/errors.js";
import { formatShape, sizeOf } from "../base/shape.js";
import { type SampleOptions, type SampleState, sampleCodes } from "../ops/codes/sample_codes.js";
import type { AnyTensor, Capture, Tensor } from "../tensor/tensor.js";
import type { GatedPixelCNN } from "./gated_pixel_cnn.js";

/** The grids that are sampled together. */
export interface SamplerBatch {
	readonly count: number;
	/** The class of each grid, [count], for a prior with classes. */
	readonly labels?: ArrayLike<number> | undefined;
	/**
	 * The number of the first grid; a grid's random numbers depend on its number and on the seed (default 0).
	 */
	readonly firstImage?: number;
	/** Initial codes, [count, h, w]; those that are not kept are overwritten. */
	readonly codes?: Uint32Array | undefined;
	/** Which codes are kept, [count, h, w]: 0 for those to draw, any other number for those to keep. */
	readonly keep?: Uint32Array | undefined;
}

/**
 * Draws the codes of a batch of grids, one position after the other, on the GPU. A captured step computes the
 * logits and draws the codes of one position; it is replayed for each. Nothing is read back.
 */
export class PriorSampler {
	static readonly name: string = "PriorSampler";

	private readonly state: SampleState;
	private readonly labels: Tensor<"uint32"> | undefined;
	private readonly step: Capture<void>;
	/** Positions whose codes are kept in all grids. */
	private readonly kept: readonly boolean[];
	private firstPosition = 0;
	private lastPosition = 0;

	/** @param batch checked by `checkSamplerBatch` */
	constructor(
		private readonly model: GatedPixelCNN,
		{ count, labels, firstImage = 0, codes, keep }: SamplerBatch,
		options: SampleOptions = {},
	) {
		const { gpu, height, width } = model;
		const grid = [count, height, width];
		this.kept = Array.from({ length: height * width }, (_, position) => {
			if (keep === undefined) return false;
			for (let at = position; at < keep.length; at += height * width) if (keep[at] === 0) return false;
			return true;
		});
		// In a scope, which frees the tensors if the step cannot be captured.
		[this.state, this.labels, this.step] = gpu.scope(() => {
			const words = (given: Uint32Array | undefined) => gpu.tensor(given ?? new Uint32Array(sizeOf(grid)), grid);
			const classes = labels === undefined ? undefined : gpu.tensor(Uint32Array.from(labels), [count]);
			const state = {
				codes: words(codes),
				keep: words(keep),
				score: gpu.tensor(new Float32Array(count), [count]),
				place: gpu.empty([3], "uint32"),
			};
			const step = gpu.capture(() =>
				noGrad(() => {
					gpu.feed(state.place, () => [this.firstPosition, this.lastPosition, firstImage]);
					sampleCodes(this.model.forward(state.codes, classes), state, options);
				}),
			);
			return [state, classes, step] as const;
		});
		for (const tensor of this.tensors()) gpu.keep(tensor);
	}

	/** uint32 [count, h, w] */
	get codes(): Tensor<"uint32"> {
		return this.state.codes;
	}

	/** float32 [count]: the log-probabilities of the kept codes so far. */
	get score(): Tensor {
		return this.state.score;
	}

	/**
	 * Draws the codes of positions [first, end), counted row by row. Codes that all grids keep are scored
	 * together with the next position, from the same logits.
	 */
	draw(first: number, end: number): void {
		for (this.firstPosition = first; this.firstPosition < end; this.firstPosition = this.lastPosition + 1) {
			const free = this.kept.indexOf(false, this.firstPosition);
			this.lastPosition = free < 0 ? end - 1 : Math.min(free, end - 1);
			this.step.replay();
		}
	}

	/** Overwrites codes and classes, and sets the scores to 0. */
	replace(codes: Uint32Array, labels: Uint32Array | undefined): void {
		const { gpu } = this.model;
		gpu.upload(this.state.codes, codes);
		gpu.upload(this.state.score, new Float32Array(this.state.score.size));
		if (this.labels !== undefined && labels !== undefined) gpu.upload(this.labels, labels);
	}

	/** Frees everything. */
	dispose(): void {
		this.step.dispose();
		for (const tensor of this.tensors()) tensor.dispose();
	}

	private tensors(): AnyTensor[] {
		return [...Object.values(this.state), ...(this.labels === undefined ? [] : [this.labels])];
	}
}

/** How many grids can be sampled together: the device must be able to bind the largest tensor of a step. */
export function mostGrids({ gpu, height, width, numEmbeddings, channels }: GatedPixelCNN): number {
	return Math.floor(gpu.bindableBytes / (4 * height * width * Math.max(numEmbeddings, 4 * channels)));
}

/** @throws ArgumentError, ShapeError if the batch does not fit the model */
export function checkSamplerBatch(caller: string, model: GatedPixelCNN, batch: SamplerBatch): void {
	const { count, labels, firstImage = 0, codes, keep } = batch;
	const { height, width, numClasses, numEmbeddings } = model;
	checkNumber(caller, "count", count, { least: 1, most: mostGrids(model), whole: true });
	checkNumber(caller, "firstImage", firstImage, { least: 0, below: 2 ** 32, whole: true });
	const grid = [count, height, width];
	if (labels !== undefined) {
		checkNumbers(caller, "labels", labels, numClasses > 0 ? { least: 0, below: numClasses, whole: true } : {});
		model.check(caller, grid, [labels.length]);
	} else model.check(caller, grid, undefined);
	for (const [name, given] of Object.entries({ codes, keep })) {
		if (given === undefined) continue;
		checkInstance(caller, name, given, Uint32Array, "a Uint32Array");
		if (given.length !== sizeOf(grid))
			throw new ShapeError(
				`${caller}: ${name} must be ${formatShape(grid)}, ${sizeOf(grid)} numbers, but has ${given.length}.`,
			);
	}
	const wrong = keep === undefined ? undefined : codes?.find((code, i) => keep[i] !== 0 && code >= numEmbeddings);
	if (wrong !== undefined)
		throw new ArgumentError(
			`${caller}: codes must be below ${numEmbeddings} where they are kept, but one is ${wrong}.`,
		);
}
