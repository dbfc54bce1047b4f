import { readdir } from "node:fs/promises";
import { extname, join } from "node:path";
import { DataError, LimitError, ShapeError } from "../../base/errors.js";
import type { ImageSet } from "../../data/image_set.js";
import { fileError, isFolder } from "../files.js";
import { type Image, readImage } from "./read_image.js";

/** PNG is read. The others are listed so that the error for a folder of them says how to convert them. */
const imageExtensions = new Set([".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff"]);

/** The most bytes of all images together: 2 GiB, the most that a device can bind. */
const mostValues = 2 ** 31;

/** The sorted names of the image files and of the subfolders in a folder. Links are followed, hidden files left out. */
async function contentsOf(folder: string): Promise<{ images: string[]; subfolders: string[] }> {
	const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
		throw fileError(folder, cause, "listed");
	});
	const images: string[] = [];
	const subfolders: string[] = [];
	for (const entry of entries) {
		if (entry.name.startsWith(".")) continue;
		const isSubfolder = entry.isSymbolicLink() ? await isFolder(join(folder, entry.name)) : entry.isDirectory();
		if (isSubfolder) subfolders.push(entry.name);
		else if (imageExtensions.has(extname(entry.name).toLowerCase())) images.push(entry.name);
	}
	return { images: images.sort(), subfolders: subfolders.sort() };
}

/** The image files of a folder, sorted by name. */
export async function imageFiles(folder: string): Promise<string[]> {
	return (await contentsOf(folder)).images.map((name) => join(folder, name));
}

/**
 * The sorted names of the subfolders that contain images: the classes of a folder of images.
 *
 * @throws DataError if one of them cannot be listed
 */
export async function classNames(folder: string): Promise<string[]> {
	const names: string[] = [];
	for (const name of (await contentsOf(folder)).subfolders)
		if ((await imageFiles(join(folder, name))).length > 0) names.push(name);
	return names;
}

/** Called with the number of files of a folder that have been read. */
export type ReadingProgress = (folder: string, done: number, total: number) => void;

/**
 * Reads a folder of images of one size: either images, or subfolders of images, whose indices in the sorted `classes` become
 * the labels. Grey images become RGB if any image is RGB.
 *
 * @throws DataError if there are no images, both images and subfolders of images, a subfolder that is no class, or more than
 * 256 classes; ShapeError naming the first two images that differ in size; LimitError if the images have more than 2³¹ values
 * together; FormatError or DataError naming an image that cannot be read
 */
export async function readImageFolder(
	name: string,
	folder: string,
	classes: readonly string[],
	progress?: ReadingProgress,
): Promise<ImageSet> {
	const files = await imageFiles(folder);
	const labels: number[] = [];
	const present = await classNames(folder);
	if (files.length > 0 && present.length > 0) {
		throw new DataError(
			`"${folder}" contains images and a subfolder of images, "${present[0]}": move one of them elsewhere.`,
		);
	}
	if (classes.length > 256)
		throw new DataError(
			`"${folder}" has ${classes.length} subfolders of images, but at most 256 classes are supported: remove some.`,
		);
	for (const className of present) {
		const label = classes.indexOf(className);
		if (label < 0)
			throw new DataError(
				`"${join(folder, className)}" is not one of the classes ${classes.map((known) => `"${known}"`).join(", ")}.`,
			);
		for (const file of await imageFiles(join(folder, className))) {
			files.push(file);
			labels.push(label);
		}
	}
	if (files.length === 0)
		throw new DataError(`"${folder}" contains no images, and no subfolders with images: choose another folder.`);
	const set = {
		name,
		count: files.length,
		...joinImages(await readAll(files, (done) => progress?.(folder, done, files.length))),
	};
	return labels.length === 0 ? set : { ...set, labels: Uint8Array.from(labels) };
}

async function readAll(files: readonly string[], progress: (done: number) => void): Promise<Image[]> {
	const images: Image[] = [];
	for (const file of files) {
		const image = await readImage(file);
		images.push(image);
		progress(images.length);
		const [first] = images;
		const values = files.length * first.pixels.length;
		if (values > mostValues)
			throw new LimitError(
				`${files.length} images like "${files[0]}" have ${values} values, but at most ${mostValues} are read: scale them down, or use fewer.`,
			);
		if (image.width !== first.width || image.height !== first.height) {
			throw new ShapeError(
				`The images have different sizes: "${files[0]}" is ${first.width} × ${first.height}, ` +
					`"${file}" is ${image.width} × ${image.height}. Scale them to one size first.`,
			);
		}
	}
	return images;
}

function joinImages(images: readonly Image[]): Omit<ImageSet, "name" | "count" | "labels"> {
	const [{ height, width }] = images;
	const channels = images.some((image) => image.channels === 3) ? 3 : 1;
	const pixels = new Uint8Array(images.length * channels * height * width);
	for (const [i, image] of images.entries()) {
		for (let channel = 0; channel < channels; channel += image.channels) {
			pixels.set(image.pixels, (i * channels + channel) * height * width);
		}
	}
	return { channels, height, width, pixels };
}
