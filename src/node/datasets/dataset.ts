import type { ImageSet } from "../../data/image_set.js";
import type { CachedDownloadOptions } from "./download.js";
import type { ReadingProgress } from "./read_folder.js";

export interface DatasetOptions extends Omit<CachedDownloadOptions, "onProgress"> {
	/** How many digits to draw, and their seed, for "digits"; 10,000, 1,000 and 0 by default. */
	readonly digits?: { readonly train?: number; readonly test?: number; readonly seed?: number } | undefined;
	/** Called while a file is downloaded. */
	readonly onProgress?: ((file: string, receivedBytes: number, totalBytes: number | undefined) => void) | undefined;
	/** Called after each file of a folder of images. */
	readonly onRead?: ReadingProgress | undefined;
	/**
	 * Base URLs to download from instead of the published ones, tried one after the other: `<base>/<data set>/<file>`.
	 * Default: the environment variable TESSERA_MIRRORS, separated by commas.
	 */
	readonly mirrors?: readonly string[] | undefined;
}

export interface Dataset {
	readonly train: ImageSet;
	readonly test: ImageSet;
	/** The names of the classes, by label, if they are known. */
	readonly classes?: readonly string[];
}

/** The four files of MNIST and of data sets in its format. */
export const idxFiles = {
	trainImages: "train-images-idx3-ubyte",
	trainLabels: "train-labels-idx1-ubyte",
	testImages: "t10k-images-idx3-ubyte",
	testLabels: "t10k-labels-idx1-ubyte",
} as const;
