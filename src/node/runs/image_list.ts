import { readdir } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { closestWord } from "../../base/arguments.js";
import { ArgumentError, DataError, TesseraError } from "../../base/errors.js";
import type { ImageSet } from "../../data/image_set.js";
import { idxFiles } from "../datasets/dataset.js";
import { dataSetNames, isNamed } from "../datasets/datasets.js";
import { isImageFolder, loadFolder } from "../datasets/folder_dataset.js";
import { isFolder } from "../files.js";
import { isIdxName, openIdxFile } from "../images/idx_file.js";
import { colourOf, type Preparation } from "../images/prepare_image.js";
import { type Image, readImage } from "../images/read_image.js";
import { MissingPackageError } from "../images/sharp.js";
import { inOrder } from "../in_order.js";
import { imagePaths } from "./inputs.js";
import type { RunConfig } from "./run_config.js";
import { loadNamed } from "./run_sources.js";

/** Images of one size that follow each other, or why an image cannot be read. */
export type ListedImages =
	| (Omit<Image, "pixels"> & {
			/** Where they come from, for messages. */
			readonly path: string;
			readonly count: number;
			/** uint8 [count, channels, height, width] */
			readonly pixels: Uint8Array;
	  })
	| { readonly reason: string };

/** Images that were named on the command line and have one origin. */
interface ListPart {
	/** The name of the folder, the file or the data set. */
	readonly origin: string;
	readonly names: readonly string[];
	/** The number of the class of each image, −1 if it has none. */
	readonly labels: Int32Array;
	/** The images from `first` to `end`, as they are stored, scaled if they are files; some at a time. */
	read(first: number, end: number, preparation: Preparation): AsyncGenerator<ListedImages, void, undefined>;
}

/** Images that were named on the command line, in order. They are read when they are needed. */
export interface ImageList {
	/** The name of each image: its path in the folder that was given, or its number in a data set. */
	readonly names: readonly string[];
	/** [count], if all images have a class. */
	readonly labels: Uint32Array | undefined;
	/** The names of the classes by label, if they are known. */
	readonly classes: readonly string[] | undefined;
	/** The paths of all image files that were named or found. */
	readonly files: readonly string[];
	/** The images from `first` (inclusive) to `end` (exclusive), some at a time. */
	read(first: number, end: number, preparation: Preparation): AsyncGenerator<ListedImages, void, undefined>;
	/** Frees what reading needs. */
	close?(): Promise<void>;
}

export const splits = ["train", "test"] as const;
export type Split = (typeof splits)[number];

/** Files that are decoded at a time. */
const inFlight = 32;
/** Images of a set that are handed over together. */
const setTogether = 128;

/**
 * Lists images: files, folders that contain them at any depth, IDX files, and data sets by name.
 *
 * @param caller the command, for messages
 * @param split which part of data sets is used; undefined: test
 * @param config what is known of the run for whose model they are
 * @throws ArgumentError, DataError if there are no such images
 */
export async function listImages(
	caller: string,
	given: readonly string[],
	split: Split | undefined,
	config: RunConfig | undefined,
): Promise<ImageList> {
	if (given.length === 0)
		throw new ArgumentError(
			`${caller}: no images were given: name at least one image, a folder of them, an IDX file, or a data set such as mnist.`,
		);
	const folders: { readonly root: string; readonly files: readonly string[] }[] = [];
	const made: (() => Promise<ListPart & { readonly classes?: readonly string[] | undefined }>)[] = [];
	let hasSets = false;
	for (const path of given) {
		if (isNamed(path)) {
			hasSets = true;
			made.push(() => namedPart(path, split ?? "test", config));
		} else if (isIdxName(path)) made.push(() => idxPart(path));
		else if ((await isFolder(path)) && !(await isImageFolder(path))) {
			hasSets = true;
			made.push(() => setFolderPart(path, split ?? "test"));
		} else {
			const files = await imagePaths(caller, [path]).catch((error: unknown) => {
				const closest = closestWord(path, dataSetNames);
				if (!(error instanceof DataError) || closest === undefined) throw error;
				throw new DataError(`${error.message} Or is the data set "${closest}" meant?`, { cause: error });
			});
			const root = files.length === 1 && files[0] === path ? dirname(path) : path;
			folders.push({ root, files });
			made.push(async () => filesPart(root, files, classes));
		}
	}
	if (split !== undefined && !hasSets)
		throw new ArgumentError(
			`${caller}: --split has no effect without a data set, which has a training and a test part: leave it out, or name a folder of the part.`,
		);
	const classes = config?.classes ?? classesOf(folders);
	const parts = [];
	for (const make of made) parts.push(await make());
	const files = folders.flatMap(({ files }) => files);
	return joined(parts, files, classes ?? parts.find((part) => part.classes !== undefined)?.classes);
}

function joined(
	parts: readonly ListPart[],
	files: readonly string[],
	classes: readonly string[] | undefined,
): ImageList {
	// With several folders or sets, a name begins with that of its origin.
	const several = parts.filter(({ names }) => names.length > 1).length > 1;
	const names = parts.flatMap(({ names, origin }) =>
		several && names.length > 1 ? names.map((name) => `${origin}/${name}`) : names,
	);
	const labels = new Uint32Array(names.length);
	let at = 0;
	for (const part of parts) {
		labels.set(part.labels, at);
		at += part.labels.length;
	}
	const isLabelled = parts.every((part) => part.labels.every((label) => label >= 0));
	return {
		names,
		labels: isLabelled ? labels : undefined,
		classes,
		files,
		async *read(first, end, preparation) {
			let start = 0;
			for (const part of parts) {
				const count = part.names.length;
				const [from, to] = [Math.max(0, first - start), Math.min(count, end - start)];
				if (from < to) yield* part.read(from, to, preparation);
				start += count;
			}
		},
	};
}

/** The classes of files: the folders in the given folders, if every file is in one. */
function classesOf(
	folders: readonly { readonly root: string; readonly files: readonly string[] }[],
): readonly string[] | undefined {
	const names = new Set<string>();
	for (const { root, files } of folders)
		for (const file of files) {
			const [first, ...more] = relative(root, file).split(sep);
			if (more.length === 0) return undefined;
			names.add(first);
		}
	return names.size < 2 ? undefined : [...names].sort();
}

function filesPart(root: string, files: readonly string[], classes: readonly string[] | undefined): ListPart {
	const numbers = new Map(classes?.map((name, i) => [name, i]));
	return {
		origin: basename(root),
		names: files.map((file) => relative(root, file).split(sep).join("/")),
		labels: Int32Array.from(files, (file) => labelOf(root, file, numbers)),
		async *read(first, end, { size, background }) {
			const options = { background: colourOf("tessera", "background", background), shorterSide: size };
			const paths = files.slice(first, end);
			const decoded = inOrder(paths, inFlight, async (path): Promise<ListedImages> => {
				try {
					return { path, count: 1, ...(await readImage(path, options)) };
				} catch (error) {
					if (!(error instanceof TesseraError) || error instanceof MissingPackageError) throw error;
					return { reason: error.message };
				}
			});
			for await (const [, image] of decoded) yield image;
		},
	};
}

/** The class of a file: the nearest folder above it, up to the given one, that has the name of a class; else −1. */
function labelOf(root: string, file: string, numbers: ReadonlyMap<string, number>): number {
	const folders = [basename(root), ...relative(root, file).split(sep).slice(0, -1)];
	const name = folders.findLast((folder) => numbers.has(folder));
	return name === undefined ? -1 : (numbers.get(name) ?? -1);
}

async function idxPart(path: string): Promise<ListPart> {
	const { count, labels, read } = await openIdxFile(path);
	return {
		origin: basename(path).replace(/[.-]?idx3-ubyte(\.gz)?$/, ""),
		names: numbersOf(count),
		labels: labels === undefined ? new Int32Array(count).fill(-1) : Int32Array.from(labels),
		async *read(first, end) {
			for await (const images of read(first, end)) yield { path, ...images };
		},
	};
}

async function namedPart(
	name: string,
	split: Split,
	config: RunConfig | undefined,
): Promise<ListPart & { readonly classes: readonly string[] | undefined }> {
	// The digits of a run depend on its seed and their number.
	const { images, seed = 0 } = config?.data === "digits" ? config : {};
	const { [split]: set, classes } = await loadNamed({
		data: name,
		images: name === "digits" ? images : undefined,
		seed,
	});
	return { ...setPart(`${name}-${split}`, set), classes };
}

/** A folder with the files of MNIST or CIFAR-10. */
async function setFolderPart(
	folder: string,
	split: Split,
): Promise<ListPart & { readonly classes?: readonly string[] | undefined }> {
	const found = await readdir(folder);
	const name = idxFiles[split === "train" ? "trainImages" : "testImages"];
	const file = [name, `${name}.gz`].find((name) => found.includes(name));
	if (file !== undefined) return idxPart(join(folder, file));
	const { [split]: set, classes } = await loadFolder(folder);
	return { ...setPart(`${basename(folder)}-${split}`, set), classes };
}

function setPart(origin: string, { name, count, channels, height, width, pixels, labels }: ImageSet): ListPart {
	if (channels !== 1 && channels !== 3) throw new DataError(`"${name}" has ${channels} channels, but 1 or 3 are read.`);
	const size = channels * height * width;
	return {
		origin,
		names: numbersOf(count),
		labels: labels === undefined ? new Int32Array(count).fill(-1) : Int32Array.from(labels),
		async *read(first, end) {
			for (let start = first; start < end; start += setTogether) {
				const count = Math.min(setTogether, end - start);
				const part = pixels.subarray(start * size, (start + count) * size);
				yield { path: name, count, channels, height, width, pixels: part };
			}
		},
	};
}

/** Names of so many images: their numbers, all equally long. */
export function numbersOf(count: number): readonly string[] {
	const digits = String(Math.max(0, count - 1)).length;
	return Array.from({ length: count }, (_, i) => String(i).padStart(digits, "0"));
}
