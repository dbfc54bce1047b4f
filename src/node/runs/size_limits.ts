import { LimitError } from "../../base/errors.js";
import { imagesInMemory } from "../../ops/variants.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import type { Gpu } from "../../tensor/tensor.js";
import type { VQVAE } from "../../vqvae/vqvae.js";
import { bytesOfGrid, bytesOfImage } from "../images/batch_sizes.js";

/**
 * @param bytesOf the bytes that a value of the option needs, which grow with the value
 * @param what what needs the bytes, as the start of a sentence
 * @throws LimitError with the greatest value that fits
 */
function checkSize(
	{ bindableBytes: limit, adapter }: Gpu,
	option: string,
	value: number,
	bytesOf: (value: number) => number,
	what: string,
): void {
	if (bytesOf(value) <= limit) return;
	let [fits, tooMany] = [0, value];
	while (tooMany - fits > 1) {
		const middle = Math.floor((fits + tooMany) / 2);
		if (bytesOf(middle) <= limit) fits = middle;
		else tooMany = middle;
	}
	const format = (count: number) => Math.ceil(count).toLocaleString("en-US");
	throw new LimitError(
		`--${option} must be at most ${fits} here, but is ${value}: ${what} would need ${format(bytesOf(value))} bytes, but ${adapter.description || adapter.device} binds at most ${format(limit)}${fits === 0 ? ". Make other sizes smaller as well" : ""}.`,
	);
}

/** The options of `tessera train` that determine sizes. */
interface ModelSizes {
	readonly codes: number;
	readonly dim: number;
	readonly hidden: number;
	readonly residualLayers: readonly [number, number];
	readonly quantizer: string;
	readonly levels: readonly number[];
}

interface ImageSize {
	readonly channels: number;
	readonly height: number;
	readonly width: number;
}

/** Weights, gradients and Adam's two moments. */
const copiesOfWeights = 4;

/** @throws LimitError naming the option of `tessera train` with which a model would not fit the device */
export function checkModelSizes(gpu: Gpu, options: ModelSizes, { channels, height, width }: ImageSize): void {
	const { codes, dim, hidden, residualLayers, quantizer, levels } = options;
	const positions = (height / 4) * (width / 4);
	if (quantizer === "fsq") {
		const count = levels.reduce((product, values) => product * values, 1);
		const most = Math.floor(gpu.bindableBytes / 4);
		if (count > most)
			throw new LimitError(
				`--levels ${levels.join(",")} gives ${count.toLocaleString("en-US")} codes, but at most ${most.toLocaleString("en-US")} can be counted on ${gpu.adapter.description || gpu.adapter.device}: give fewer or smaller levels.`,
			);
	} else {
		checkSize(gpu, "dim", dim, (d) => 4 * d * Math.max(positions, 9), "the latents of an image");
		checkSize(gpu, "codes", codes, (k) => 4 * k * dim, `a codebook of vectors of ${dim} numbers`);
		if (quantizer === "residual") {
			const count = levels[0] ?? 1;
			const bytes = (n: number) => copiesOfWeights * n * Math.max(4 * codes * dim, 2 ** 17);
			checkSize(gpu, "levels", count, bytes, "that many codebooks with their training state");
		}
	}
	const inputs = Math.max(channels, quantizer === "fsq" ? levels.length : dim);
	checkSize(gpu, "hidden", hidden, (h) => 36 * h * Math.max(h, inputs), "the weights of a convolution");
	checkSize(gpu, "hidden", hidden, (h) => 2 * h * height * width, "the activations of one image");
	const bytesOfBlock = copiesOfWeights * 4 * (9 * hidden * hidden + hidden * hidden);
	for (const count of residualLayers)
		checkSize(gpu, "residual-layers", count, (n) => n * bytesOfBlock, "their weights and training state");
}

/** @throws LimitError if a batch would not fit the device */
export function checkBatch(
	gpu: Gpu,
	model: VQVAE<Quantizer>,
	set: ImageSize & { readonly count: number },
	batch: number,
): void {
	const ofImage = bytesOfImage(model, set);
	checkSize(
		gpu,
		"batch",
		Math.min(batch, set.count),
		(n) => imagesInMemory(gpu.variants, n, ofImage) * ofImage,
		"the widest layer of a batch",
	);
}

/** The options of `tessera train-prior` that determine sizes. */
interface PriorSizes {
	readonly channels: number;
	readonly layers: number;
	readonly kernel: number;
	readonly batch: number;
}

/** @throws LimitError naming the option of `tessera train-prior` with which a prior would not fit the device */
export function checkPriorSizes(
	gpu: Gpu,
	{ channels, layers, kernel, batch }: PriorSizes,
	grid: { readonly height: number; readonly width: number; readonly count: number },
	numEmbeddings: number,
): void {
	const ofKernel = (c: number, k: number) => 4 * 2 * c * c * ((k + 1) / 2) * k;
	checkSize(gpu, "kernel", kernel, (k) => ofKernel(1, k), "the weights of a convolution");
	checkSize(
		gpu,
		"channels",
		channels,
		(c) => Math.max(ofKernel(c, kernel), 16 * c * c),
		"the weights of a convolution",
	);
	checkSize(
		gpu,
		"channels",
		channels,
		(c) => bytesOfGrid({ ...grid, channels: c, numEmbeddings }),
		"the activations of one grid",
	);
	const ofLayer = copiesOfWeights * (2 * ofKernel(channels, kernel) + 16 * channels * channels);
	checkSize(gpu, "layers", layers, (n) => n * Math.max(ofLayer, 2 ** 17), "their weights and training state");
	const ofGrid = bytesOfGrid({ ...grid, channels, numEmbeddings });
	checkSize(
		gpu,
		"batch",
		Math.min(batch, grid.count),
		(n) => imagesInMemory(gpu.variants, n, ofGrid) * ofGrid,
		"the widest layer of a batch",
	);
}
