import { formatValue } from "../../base/arguments.js";
import { ArgumentError, LimitError } from "../../base/errors.js";
import type { SamplePriorOptions } from "../../prior/sample_prior.js";
import { samplePrior } from "../../prior/sample_prior.js";
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

/** Draws images; the same seed gives the same images. `progress` is called with the number that are drawn. */
export async function sampleImages(
	{ model, prior, levels }: LoadedPrior,
	{ count, labels, ...options }: Pick<SamplePriorOptions, "count" | "labels" | "temperature" | "topK" | "seed">,
	progress: (done: number) => void = () => undefined,
): Promise<SampledImages> {
	const { gpu } = prior;
	const parts: Uint8Array[] = [];
	let shape: readonly number[] = [];
	const together = Math.min(
		gridsPerBatch(prior, gpu),
		imagesPerBatch(model, sizeOfImages(prior, levels)),
		gpu.adapter.software ? mostOnCpu : Number.POSITIVE_INFINITY,
	);
	for (let first = 0; first < count; first += together) {
		const end = Math.min(first + together, count);
		const images = gpu.scope(() => {
			const part = { count: end - first, firstImage: first, labels: labels && Array.from(labels).slice(first, end) };
			return decodeCodes(model, samplePrior(prior, { ...options, ...part }), levels);
		});
		shape = images.shape;
		parts.push(toBytes(await images.data()));
		images.dispose();
		progress(end);
	}
	const [, channels, height, width] = shape as [number, number, number, number];
	return { pixels: joined(parts), channels, height, width };
}

/** A grid of images, as PNG bytes. */
export function gridOfImages({ pixels, ...sizes }: SampledImages, columns: number): Uint8Array {
	const { channels, height, width } = sizes;
	return imageGrid({ images: pixels, count: pixels.length / (channels * height * width), columns, ...sizes });
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
): void {
	const scale = Math.max(1, Math.floor(64 / Math.max(height, width)));
	const most = Math.floor(mostGridPixels / ((height * scale + 4) * (width * scale + 4) * perCount));
	if (count > most)
		throw new LimitError(
			`--count must be at most ${most} here, but is ${count}: the grid would have more than ${mostGridPixels.toLocaleString("en-US")} pixels.`,
		);
}

/** @throws ArgumentError if the prior has no such class */
export function checkClass(run: string, numClasses: number, label: number | undefined): void {
	if (label === undefined || label < numClasses) return;
	throw new ArgumentError(
		numClasses === 0
			? `--class has no effect with the prior of "${run}", because its images had no classes: leave it out.`
			: `--class must be from 0 to ${numClasses - 1} with the prior of "${run}", but is ${label}.`,
	);
}
