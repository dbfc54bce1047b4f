import { closestWord, formatValue } from "../../base/arguments.js";
import { ArgumentError, LimitError } from "../../base/errors.js";
import { type SamplePriorOptions, samplePrior } from "../../prior/sample_prior.js";
import { gridsPerBatch, imagesPerBatch } from "../images/batch_sizes.js";
import { imageGrid } from "../images/image_grid.js";
import { joined, toBytes } from "../images/pictures.js";
import { decodeCodes } from "./code_sets.js";
import type { LoadedPrior } from "./load_prior.js";

/** Images drawn from a prior, as bytes [count, C, H, W]. */
export interface SampledImages {
	readonly pixels: Uint8Array;
	readonly channels: number;
	readonly height: number;
	readonly width: number;
}

/** Images per batch on the CPU at most, so that the progress bar moves although drawing is slow. */
const mostOnCpu = 32;
/** The most pixels of a grid, which is encoded in memory. */
const mostGridPixels = 2 ** 27;

/** The size of the images that a prior draws. */
export function sizeOfImages(
	{ height, width }: { readonly height: number; readonly width: number },
	levels: number,
): { readonly height: number; readonly width: number } {
	return { height: 4 * height, width: (4 * width) / levels };
}

/** What is drawn: how many images, how, and of which classes. */
export interface Drawing extends Pick<SamplePriorOptions, "count" | "temperature" | "topK" | "seed"> {
	/** [count], the class of each image. */
	readonly labels?: ArrayLike<number> | undefined;
}

/** Some of the images that are drawn. */
export interface SampledBatch extends SampledImages {
	/** The number of the first one. */
	readonly first: number;
	readonly count: number;
}

/** Draws images batch by batch; the same seed gives the same images. */
export async function* sampleBatches(
	{ model, prior, levels }: LoadedPrior,
	{ count, labels, ...options }: Drawing,
): AsyncGenerator<SampledBatch, void, undefined> {
	const { gpu } = prior;
	const together = Math.min(
		gridsPerBatch(prior, gpu),
		imagesPerBatch(model, sizeOfImages(prior, levels)),
		gpu.adapter.software ? mostOnCpu : Number.POSITIVE_INFINITY,
	);
	for (let first = 0; first < count; first += together) {
		const part = Math.min(together, count - first);
		const ofPart = labels && Array.from({ length: part }, (_, i) => labels[first + i]);
		const images = gpu.scope(() =>
			decodeCodes(model, samplePrior(prior, { ...options, count: part, firstImage: first, labels: ofPart }), levels),
		);
		const [, channels, height, width] = images.shape;
		const pixels = toBytes(await images.data());
		images.dispose();
		yield { pixels, channels, height, width, first, count: part };
	}
}

/** Draws images as one array. `progress` is called with the number that are drawn. */
export async function sampleImages(
	loaded: LoadedPrior,
	drawing: Drawing,
	progress: (done: number) => void = () => undefined,
): Promise<SampledImages> {
	const parts: Uint8Array[] = [];
	let sizes = { channels: 0, height: 0, width: 0 };
	for await (const { pixels, first, count, channels, height, width } of sampleBatches(loaded, drawing)) {
		parts.push(pixels);
		sizes = { channels, height, width };
		progress(first + count);
	}
	return { pixels: joined(parts), ...sizes };
}

/** A grid of images, as PNG bytes. */
export function gridOfImages(
	{ pixels, channels, height, width }: SampledImages,
	columns: number,
	scale = gridScale({ height, width }),
): Uint8Array {
	const count = pixels.length / (channels * height * width);
	return imageGrid({ images: pixels, count, columns, channels, height, width, scale });
}

/** The side of the square that a pixel of a grid becomes: the largest that keeps an image within 64 × 64. */
function gridScale({ height, width }: { readonly height: number; readonly width: number }): number {
	return Math.max(1, Math.floor(64 / Math.max(height, width)));
}

/** @throws ArgumentError unless the path ends in .png */
export function checkPng(path: string): void {
	if (!path.toLowerCase().endsWith(".png"))
		throw new ArgumentError(`--out must end in .png, but is ${formatValue(path)}.`);
}

/**
 * @param perCount images in the grid per counted image
 * @throws LimitError if the grid would be too large for a PNG in memory
 */
export function checkGridSize(
	count: number,
	perCount: number,
	{ height, width }: { readonly height: number; readonly width: number },
	scale = gridScale({ height, width }),
): void {
	const most = Math.floor(mostGridPixels / ((height * scale + 4) * (width * scale + 4) * perCount));
	if (count > most)
		throw new LimitError(
			`--count must be at most ${most} here, but is ${count}: the grid would have more than ${mostGridPixels.toLocaleString("en-US")} pixels.`,
		);
}

/**
 * The number of a class that is given by its name or its number.
 *
 * @param classes the names of the classes by label, if they are known
 * @throws ArgumentError if the prior has no such class
 */
export function classNumber(
	run: string,
	numClasses: number,
	classes: readonly string[] | undefined,
	given: string | undefined,
): number | undefined {
	if (given === undefined) return undefined;
	if (numClasses === 0)
		throw new ArgumentError(
			`--class has no effect with the prior of "${run}", because its images had no classes: leave it out.`,
		);
	const named = classes?.indexOf(given) ?? -1;
	if (named >= 0 && named < numClasses) return named;
	const number = /^\d+$/.test(given) ? Number(given) : Number.POSITIVE_INFINITY;
	if (number < numClasses) return number;
	const names = classes?.slice(0, numClasses) ?? [];
	const closest = closestWord(given, names);
	const known =
		names.length === 0
			? ""
			: ` or the name of a class (${names.slice(0, 20).join(", ")}${names.length > 20 ? ", …" : ""})`;
	throw new ArgumentError(
		`--class must be from 0 to ${numClasses - 1}${known} with the prior of "${run}", but is ${number < Number.POSITIVE_INFINITY ? number : formatValue(given)}${closest === undefined ? "" : `; did you mean "${closest}"?`}.`,
	);
}

/** @throws LimitError if an image of this size, scaled up, would be too large for a PNG in memory */
export function checkScale(
	scale: number,
	{ height, width }: { readonly height: number; readonly width: number },
): void {
	const most = Math.floor(Math.sqrt(mostGridPixels / (height * width)));
	if (scale > most)
		throw new LimitError(`--scale must be at most ${most} for images of ${width} × ${height}, but is ${scale}.`);
}
