import {
	checkBytes,
	checkFlag,
	checkInstance,
	checkNumber,
	checkOptions,
	formatValue,
	wrongArgument,
} from "../base/arguments.js";
import { ArgumentError, FormatError, ShapeError } from "../base/errors.js";
import { Random } from "../base/random.js";
import { readIdx } from "./idx.js";

/** A data set of images of one size, as bytes in host memory. */
export interface ImageSet {
	readonly name: string;
	readonly count: number;
	readonly channels: number;
	readonly height: number;
	readonly width: number;
	/** [count, channels, height, width], 0 … 255. */
	readonly pixels: Uint8Array;
	/** [count], the class of each image. */
	readonly labels?: Uint8Array;
}

/** @throws ArgumentError unless it is a set of images */
function checkPixels(caller: string, set: ImageSet): void {
	if (typeof set !== "object" || set === null || !(set.pixels instanceof Uint8Array))
		throw wrongArgument(caller, "set", "a set of images { name, count, channels, height, width, pixels }", set);
}

/** @throws ArgumentError unless it is a set of images, ShapeError if its pixels or labels do not have its sizes */
function checkImageSet(caller: string, set: ImageSet): void {
	checkPixels(caller, set);
	const { count, channels, height, width, pixels, labels } = set;
	for (const [name, size] of Object.entries({ count, channels, height, width }))
		checkNumber(caller, `set.${name}`, size, { least: 0, whole: true });
	if (pixels.length !== count * channels * height * width)
		throw new ShapeError(
			`${caller}: set.pixels must be [${[count, channels, height, width].join(", ")}], but has ${pixels.length} numbers.`,
		);
	if (labels === undefined) return;
	checkInstance(caller, "set.labels", labels, Uint8Array, "a Uint8Array");
	if (labels.length !== count)
		throw new ShapeError(`${caller}: set.labels must be [${count}], but has ${labels.length} numbers.`);
}

/**
 * The unbiased variance of all values of a set, pixels taken as 0 … 1: the divisor of the VQ-VAE's reconstruction loss.
 * Computed from the exact histogram of the 256 byte values.
 *
 * @param set uint8 pixels [count, channels, height, width]
 * @returns the variance, on the scale 0 … 1 of a pixel
 * @throws ArgumentError if the set has fewer than two values
 * @example
 * const model = new VQVAE(gpu, { inChannels: 1, dataVariance: imageVariance(digits) });
 */
export function imageVariance(set: ImageSet): number {
	checkPixels("imageVariance", set);
	const total = set.pixels.length;
	if (total < 2)
		throw new ArgumentError(
			`imageVariance: set must have at least two values, but ${formatValue(set.name)} has ${total}.`,
		);
	const histogram = new Float64Array(256);
	for (const value of set.pixels) histogram[value] += 1;
	const mean = histogram.reduce((sum, count, value) => sum + count * value, 0) / total;
	const squares = histogram.reduce((sum, count, value) => sum + count * (value - mean) ** 2, 0);
	return squares / (total - 1) / 255 ** 2;
}

/**
 * Images `start` (inclusive) to `end` (exclusive) of a set, sharing its memory.
 *
 * @param start first image, 0 to count
 * @param end image after the last one, `start` to count
 * @throws ArgumentError if the range is not within the set
 */
export function subset(set: ImageSet, start: number, end: number): ImageSet {
	checkImageSet("subset", set);
	checkNumber("subset", "start", start, { least: 0, most: set.count, whole: true });
	checkNumber("subset", "end", end, { least: start, most: set.count, whole: true });
	const size = set.channels * set.height * set.width;
	const images = { ...set, count: end - start, pixels: set.pixels.subarray(start * size, end * size) };
	return set.labels === undefined ? images : { ...images, labels: set.labels.subarray(start, end) };
}

/**
 * The images at `indices`, copied in that order.
 *
 * @param indices numbers of images, each 0 to count − 1; an image may occur more than once
 * @throws ArgumentError if an index is not within the set
 */
export function select(set: ImageSet, indices: ArrayLike<number>): ImageSet {
	const size = set.channels * set.height * set.width;
	const pixels = new Uint8Array(indices.length * size);
	const labels = new Uint8Array(indices.length);
	for (let i = 0; i < indices.length; i++) {
		const index = indices[i];
		if (!Number.isInteger(index) || index < 0 || index >= set.count) {
			throw new ArgumentError(`there is no image ${index} in ${set.name}, which has ${set.count}`);
		}
		pixels.set(set.pixels.subarray(index * size, (index + 1) * size), i * size);
		if (set.labels !== undefined) labels[i] = set.labels[index];
	}
	const images = { ...set, count: indices.length, pixels };
	return set.labels === undefined ? images : { ...images, labels };
}

/**
 * Makes a set of grey images from IDX files (gzip or raw): images [count, height, width] and, if given, labels [count].
 *
 * @throws FormatError if a file is not such an IDX file, or the two counts differ
 */
export async function imageSetFromIdx(
	name: string,
	imagesBytes: Uint8Array | ArrayBuffer,
	labelsBytes?: Uint8Array | ArrayBuffer,
): Promise<ImageSet> {
	if (typeof name !== "string") throw wrongArgument("imageSetFromIdx", "name", "text", name);
	const images = readNamed(`${name} images`, checkBytes("imageSetFromIdx", "imagesBytes", imagesBytes));
	if (images.shape.length !== 3) {
		throw new FormatError(`${name}: the images' shape is [${images.shape.join(", ")}], not [count, height, width]`);
	}
	const [count, height, width] = images.shape;
	const set = { name, count, channels: 1, height, width, pixels: images.data };
	if (labelsBytes === undefined) return set;
	const labels = readNamed(`${name} labels`, checkBytes("imageSetFromIdx", "labelsBytes", labelsBytes));
	if (labels.shape.length !== 1) {
		throw new FormatError(`${name}: the labels' shape is [${labels.shape.join(", ")}], not [count]`);
	}
	if (labels.data.length !== count) {
		throw new FormatError(`${name}: ${count} images, but ${labels.data.length} labels`);
	}
	return { ...set, labels: labels.data };
}

function readNamed(subject: string, bytes: Uint8Array): ReturnType<typeof readIdx> {
	try {
		return readIdx(bytes);
	} catch (cause) {
		if (!(cause instanceof FormatError)) throw cause;
		throw new FormatError(`${subject}: ${cause.message}`, { cause });
	}
}

/**
 * The indices 0 … count − 1 in batches, as a torch.utils.data.DataLoader's sampler: shuffled if `random` is given, in order
 * otherwise. The last batch is smaller if `batchSize` does not divide `count`, or left out with `dropLast`.
 *
 * @throws ArgumentError unless `batchSize` is a whole number of at least 1, and `count` of at least 0
 * @example
 * for (const batch of batches(1024, 16, new Random(0))) trainer.step(() => images(batch));
 */
export function batches(
	count: number,
	batchSize: number,
	random?: Random,
	options: { readonly dropLast?: boolean } = {},
): Generator<Uint32Array, void, undefined> {
	checkNumber("batches", "count", count, { least: 0, most: 2 ** 32, whole: true });
	checkNumber("batches", "batchSize", batchSize, { least: 1, whole: true });
	if (random !== undefined) checkInstance("batches", "random", random, Random, "a Random");
	checkOptions("batches", options, ["dropLast"]);
	const { dropLast = false } = options;
	checkFlag("batches", "dropLast", dropLast);
	const order = random?.permutation(count) ?? Uint32Array.from({ length: count }, (_, i) => i);
	return slices(order, batchSize, dropLast);
}

function* slices(order: Uint32Array, size: number, dropLast: boolean): Generator<Uint32Array, void, undefined> {
	for (let start = 0; start < order.length; start += size) {
		if (dropLast && start + size > order.length) return;
		yield order.slice(start, start + size);
	}
}
