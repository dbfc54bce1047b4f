import { createHash } from "node:crypto";
import { basename, join, resolve } from "node:path";
import { ArgumentError, DataError } from "../../base/errors.js";
import { Random } from "../../base/random.js";
import { type ImageSet, imageVariance, select, subset } from "../../data/image_set.js";
import type { Dataset } from "../datasets/dataset.js";
import { isNamed, loadDataset } from "../datasets/datasets.js";
import { isImageFolder } from "../datasets/folder_dataset.js";
import { type FolderPart, folderParts } from "../datasets/folder_parts.js";
import { cachedImages, pixelsOf } from "../images/cached_images.js";
import { type ImageCache, openImageCache } from "../images/image_cache.js";
import { checkSameSize, type ImageSource, selectFrom, sourceOf } from "../images/image_source.js";
import { checkDivisible, colourOf } from "../images/prepare_image.js";
import { prepareSet } from "../images/prepare_set.js";
import { plural } from "../plural.js";
import { type DataOptions, defaultBackground, defaultMaxBad } from "./data_options.js";
import { chooseSize } from "./image_choice.js";
import { warn } from "./output.js";
import { type Progress, startProgress, withProgress } from "./progress.js";

/** With the other defaults of `tessera train`, a run takes about two minutes on SwiftShader and two cores. */
export const defaultDigits = 1024;
const testShareOfDigits = 4;
/** So many images of 28 × 28 bytes fill 2 GiB. */
const mostDigits = Math.floor(2 ** 31 / 784);
/** Held out if there is no part for it and no --validation. */
const standardShare = 0.1;
/** The same images are held out in every run. */
const holdOutSeed = 10;
/** The most bytes of a folder's images that are kept in memory. */
const mostInMemory = 2 ** 30;
/** Bad files that are named. */
const namedBadFiles = 5;

/** The images of a run. */
export interface RunSources {
	readonly name: string;
	readonly train: ImageSource;
	/** Images that are not trained on: the part for validation, the held-out share, or else the part for testing. */
	readonly heldOut: ImageSource;
	readonly heldOutName: "validation" | "test";
	/** The names of the classes, by label. */
	readonly classes: readonly string[] | undefined;
	/** The side that images were scaled and cropped to; undefined if they were not. */
	readonly size: number | undefined;
	/** How many files were left out. */
	readonly leftOut: number;
	/** Another one if the images are others: of their values, or of the files' names and sizes. */
	readonly fingerprint: string;
	close(): Promise<void>;
}

/**
 * The images that a run is trained and tested on; a bar shows what is downloaded or read. Image files are decoded once, into cache
 * files in `cacheFolder`.
 *
 * @throws DataError if there are fewer images than asked for or too many cannot be read, and the errors of `loadDataset`
 */
export async function openRunSources(options: DataOptions, cacheFolder: string): Promise<RunSources> {
	const { data } = options;
	if (!isNamed(data) && (await isImageFolder(resolve(data)))) return openFolder(options, cacheFolder);
	return openDataset(options);
}

async function openDataset(options: DataOptions): Promise<RunSources> {
	const { size, channels, images, validation } = options;
	const loaded = await loadNamed(options);
	const prepared = (set: ImageSet, part: string) =>
		withProgress(`scaling ${part}`, set.count, (progress) =>
			prepareSet(set, size, channels, (done) => progress.update(done, "images")),
		);
	const test = await prepared(loaded.test, "test images");
	const first = subset(loaded.train, 0, checkCount(options, loaded.train.count, images));
	const all = await prepared(first, "training images");
	checkDivisible(all.name, all);
	const split = validation === undefined ? undefined : splitOf(all.name, all.count, validation);
	return {
		name: all.name,
		train: sourceOf(split === undefined ? all : select(all, split.train)),
		heldOut: sourceOf(split === undefined ? test : select(all, split.heldOut)),
		heldOutName: split === undefined ? "test" : "validation",
		classes: loaded.classes,
		size,
		leftOut: 0,
		fingerprint: hashOf([all.pixels, test.pixels]),
		close: async () => undefined,
	};
}

function hashOf(parts: readonly (Uint8Array | string)[]): string {
	const hash = createHash("sha256");
	for (const part of parts) hash.update(part);
	return hash.digest("hex");
}

/** Loads a data set by its name or from a folder; a bar shows what is downloaded. */
export async function loadNamed({ data, images, seed }: DataOptions): Promise<Dataset> {
	const drawn = images ?? defaultDigits;
	if (data === "digits" && drawn > mostDigits)
		throw new ArgumentError(
			`--images must be at most ${mostDigits} for digits, which are drawn into memory, but is ${drawn}.`,
		);
	let progress: { name: string; bar: Progress } | undefined;
	return loadDataset(data, {
		digits: { train: drawn, test: Math.ceil(drawn / testShareOfDigits), seed },
		onProgress: (file, received, total = 0) => {
			if (progress?.name !== file) {
				progress?.bar.stop();
				progress = { name: file, bar: startProgress(file, total) };
			}
			progress.bar.update(received, "bytes");
		},
	}).finally(() => progress?.bar.stop());
}

/** @returns how many of the training images are used */
function checkCount({ data }: DataOptions, count: number, images = count): number {
	if (images > count)
		throw new DataError(
			`--images must be at most ${count} for "${data}", which has so many training images, but is ${images}.`,
		);
	return images;
}

/** @throws DataError if one of the two parts would be empty */
function splitOf(
	name: string,
	count: number,
	share: number,
): { readonly train: Uint32Array; readonly heldOut: Uint32Array } {
	if (count < 2)
		throw new DataError(
			`"${name}" has ${plural(count, "image")}, but at least 2 are needed, one for training and one for testing: add images.`,
		);
	const order = new Random(holdOutSeed).permutation(count);
	const held = Math.min(count - 1, Math.max(1, Math.round(count * share)));
	return { train: order.subarray(held).sort(), heldOut: order.subarray(0, held).sort() };
}

/** A source of a folder's images, and what is known of its files. */
interface OpenedPart {
	readonly source: ImageSource;
	readonly cache: ImageCache;
}

async function openFolder(options: DataOptions, cacheFolder: string): Promise<RunSources> {
	const folder = resolve(options.data);
	const { train, validation, test, classes } = await folderParts(folder);
	const chosen = chooseFiles(options, train);
	const choice =
		options.size === undefined ? await chooseSize(chosen.files) : { size: options.size, because: undefined };
	if (choice.because !== undefined) warn(choice.because);
	const { size } = choice;
	const opened: OpenedPart[] = [];
	const openPart = async (part: FolderPart, name: string, channels: number | undefined, crop: "center" | "random") => {
		const next = await openOne(options, part, { name, size, channels, crop }, cacheFolder);
		opened.push(next);
		return next;
	};
	// With --validation the images that are held out are in the same cache file as those for training.
	const crop = size === undefined ? "center" : (options.crop ?? "center");
	const first = await openPart(chosen, "train", options.channels, crop);
	const heldPart = options.validation === undefined ? (validation ?? test) : undefined;
	let sources: Pick<RunSources, "train" | "heldOut" | "heldOutName">;
	if (heldPart === undefined) {
		const split = splitOf(folder, first.cache.count, options.validation ?? standardShare);
		sources = {
			train: selectFrom(first.source, split.train),
			heldOut: selectFrom(first.source, split.heldOut),
			heldOutName: "validation",
		};
	} else {
		const channels = options.channels ?? first.cache.channels;
		const held = await openPart(heldPart, heldPart === validation ? "validation" : "test", channels, "center");
		checkSameSize(first.source, held.source);
		sources = {
			train: first.source,
			heldOut: held.source,
			heldOutName: heldPart === validation ? "validation" : "test",
		};
	}
	checkDivisible(folder, first.source);
	return {
		name: basename(folder),
		...sources,
		classes,
		size,
		leftOut: opened.reduce((sum, { cache }) => sum + cache.bad.length, 0),
		fingerprint: hashOf(opened.map(({ cache }) => cache.fingerprint)),
		close: async () => {
			for (const { source } of opened) await source.close?.();
		},
	};
}

/** The files that --images chooses: a random part, the same for every run, because files are sorted by class. */
function chooseFiles(options: DataOptions, part: FolderPart): FolderPart {
	const { files, labels } = part;
	if (options.images === undefined) return part;
	const count = checkCount(options, files.length, options.images);
	const chosen = new Random(holdOutSeed).permutation(files.length).subarray(0, count).sort();
	return {
		...part,
		files: Array.from(chosen, (i) => files[i]),
		labels: labels && Uint8Array.from(chosen, (i) => labels[i]),
	};
}

async function openOne(
	{ background = defaultBackground, maxBad = defaultMaxBad }: DataOptions,
	{ folder, files, labels }: FolderPart,
	{
		name,
		size,
		channels,
		crop,
	}: { name: string; size: number | undefined; channels: number | undefined; crop: "center" | "random" },
	cacheFolder: string,
): Promise<OpenedPart> {
	const preparation = {
		size,
		channels: channels as 1 | 3 | undefined,
		background: colourOf("tessera", "--background", background),
		crop,
	};
	// Sets that differ in preparation have files of their own, so that two runs do not replace each other's.
	const id = createHash("sha256")
		.update(JSON.stringify([folder, files.length, preparation]))
		.digest("hex")
		.slice(0, 12);
	const path = join(cacheFolder, `${basename(folder)}-${id}.images`);
	const cache = await withProgress(`reading ${name} images`, files.length, (progress) =>
		openImageCache(path, {
			folder,
			files,
			preparation,
			maxBad,
			progress: (done) => progress.update(done, "files"),
		}),
	);
	for (const { reason } of cache.bad.slice(0, namedBadFiles)) warn(`Left out: ${reason}`);
	if (cache.bad.length > namedBadFiles) warn(`Left out: ${plural(cache.bad.length - namedBadFiles, "more file")}.`);
	const kept = labels && Uint8Array.from(cache.origins, (i) => labels[i]);
	const { count, height, width } = cache;
	const setName = basename(folder);
	const isUniform = cache.sizes.every((length, i) => length === (i % 2 === 0 ? width : height));
	if (!isUniform || count * cache.channels * height * width > mostInMemory)
		return { source: cachedImages(setName, cache, kept), cache };
	const set = { name: setName, count, channels: cache.channels, height, width, pixels: await pixelsOf(cache) };
	return { source: sourceOf(kept === undefined ? set : { ...set, labels: kept }), cache };
}

/** Images whose values the variance is computed from, at most. */
const mostForVariance = 50_000;

/** The variance of the values of a source's images, as `imageVariance`: of all of them, or of so many evenly spaced ones. */
export async function varianceOf(source: ImageSource): Promise<number> {
	const { name, count, channels, height, width } = source;
	const used = source.pixels === undefined ? Math.min(count, mostForVariance) : count;
	const indices = () => Uint32Array.from({ length: used }, (_, i) => Math.floor((i * count) / used));
	const pixels = source.pixels ?? (await source.read(indices()));
	return imageVariance({ name, count: used, channels, height, width, pixels });
}
