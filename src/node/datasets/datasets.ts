import { resolve } from "node:path";
import { checkOptions, closestWord, wrongArgument } from "../../base/arguments.js";
import { DataError } from "../../base/errors.js";
import { generateDigits } from "../../data/digits.js";
import { isFolder } from "../files.js";
import { loadCifar } from "./cifar.js";
import type { Dataset, DatasetOptions } from "./dataset.js";
import { loadFolder } from "./folder_dataset.js";
import { loadPublished, publishedSets } from "./published_sets.js";

/** The data sets that have names. */
export const dataSetNames: readonly string[] = ["digits", ...publishedSets.keys(), "cifar-10"];

/** Whether a source is the name of a data set; otherwise it is the path of a folder. */
export function isNamed(source: string): boolean {
	return dataSetNames.includes(source);
}

/** Makes the seed of the test digits another one than that of the training digits. */
const testSeed = 0x74657374;

/**
 * Loads a data set:
 * - `"digits"`: the built-in handwritten-looking digits, generated;
 * - `"mnist"`, `"fashion-mnist"`, `"cifar-10"`: downloaded on first use, kept in `cacheFolder()/datasets`, checked by size, MD5 and SHA-256
 *   each time;
 * - anything else is the path of a folder. It contains IDX files with MNIST's names (raw or .gz; labels may be missing), the files of
 *   CIFAR-10's binary version, or images of one size at any depth, or `train/` and `test/` (or `val/` instead of `test/`) that
 *   each contain images. If every image is in a subfolder, these are the classes. Without a test part, a tenth of the images is held
 *   out, the same ones each time.
 *
 * @throws DataError if nothing is found or every download fails (the message lists each URL with its reason, and where a file
 * can be put by hand), FormatError if a file is corrupt, ShapeError if images differ in size
 */
export async function loadDataset(source: string, options: DatasetOptions = {}): Promise<Dataset> {
	if (typeof source !== "string")
		throw wrongArgument("loadDataset", "source", 'the name of a data set such as "mnist", or a folder', source);
	checkOptions("loadDataset", options, [
		"digits",
		"onProgress",
		"onRead",
		"mirrors",
		"connectTimeout",
		"stallTimeout",
		"totalTimeout",
		"retryPause",
	]);
	if (source === "digits") {
		const { train = 10_000, test = 1_000, seed = 0 } = options.digits ?? {};
		return { train: generateDigits(train, seed), test: generateDigits(test, seed ^ testSeed) };
	}
	const published = publishedSets.get(source);
	if (published !== undefined) return loadPublished(source, published, options);
	if (source === "cifar-10") return loadCifar(options);
	const folder = resolve(source);
	if (await isFolder(folder)) return loadFolder(folder, options.onRead);
	const closest = closestWord(source, dataSetNames);
	throw new DataError(
		`"${source}" is neither a data set (${dataSetNames.map((name) => `"${name}"`).join(", ")}) nor a folder` +
			`${closest === undefined ? ". Check the path." : `; did you mean "${closest}"?`}`,
	);
}
