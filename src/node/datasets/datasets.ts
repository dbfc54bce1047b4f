import { resolve } from "node:path";
import { checkOptions, closestWord, wrongArgument } from "../../base/arguments.js";
import { DataError } from "../../base/errors.js";
import { generateDigits } from "../../data/digits.js";
import { isFolder } from "../files.js";
import type { Dataset, DatasetOptions } from "./dataset.js";
import { loadFolder } from "./folder_dataset.js";
import { loadPublished, publishedSets } from "./published_sets.js";

/** Whether a source is the name of a data set; otherwise it is the path of a folder. */
export function isNamed(source: string): boolean {
	return source === "digits" || publishedSets.has(source);
}

/** Makes the seed of the test digits another one than that of the training digits. */
const testSeed = 0x74657374;

/**
 * Loads a data set:
 * - `"digits"`: the built-in handwritten-looking digits, generated;
 * - `"mnist"`, `"fashion-mnist"`: downloaded on first use, kept in `cacheFolder()/datasets`, checked by size, MD5 and SHA-256
 *   each time;
 * - anything else is the path of a folder. It contains IDX files with MNIST's names (raw or .gz; labels may be missing), or PNG
 *   images of one size, either directly or in one subfolder per class, or `train/` and `test/` (or `val/` instead of `test/`)
 *   that are each such a folder. Without a test part, a tenth of the images is held out, the same ones each time.
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
	const folder = resolve(source);
	if (await isFolder(folder)) return loadFolder(folder, options.onRead);
	const names = ["digits", ...publishedSets.keys()];
	const closest = closestWord(source, names);
	throw new DataError(
		`"${source}" is neither a data set (${names.map((name) => `"${name}"`).join(", ")}) nor a folder` +
			`${closest === undefined ? ". Check the path." : `; did you mean "${closest}"?`}`,
	);
}
