import { basename, join, resolve } from "node:path";
import { closestWord } from "../../base/arguments.js";
import { DataError, ShapeError } from "../../base/errors.js";
import { Random } from "../../base/random.js";
import { generateDigits } from "../../data/digits.js";
import { type ImageSet, imageSetFromIdx, select } from "../../data/image_set.js";
import { cacheFolder, isFolder, readFileIfThere } from "../files.js";
import { classNames, type ReadingProgress, readImageFolder } from "../images/image_folder.js";
import { plural } from "../plural.js";
import { type CachedDownloadOptions, cachedDownload, type ExpectedFile } from "./download.js";

export interface DatasetOptions extends Omit<CachedDownloadOptions, "onProgress"> {
	/** How many digits to draw, and their seed, for "digits"; 10,000, 1,000 and 0 by default. */
	readonly digits?: { readonly train?: number; readonly test?: number; readonly seed?: number } | undefined;
	/** Called while a file is downloaded. */
	readonly onProgress?: ((file: string, receivedBytes: number, totalBytes: number | undefined) => void) | undefined;
	/** Called after each file of a folder of images. */
	readonly onRead?: ReadingProgress | undefined;
	/**
	 * Base URLs to download from instead of the published ones, tried one after the other: a file is looked for at
	 * `<base>/<data set>/<file>`. Without it, the environment variable TESSERA_MIRRORS (separated by commas) is used.
	 */
	readonly mirrors?: readonly string[] | undefined;
}

export interface Dataset {
	readonly train: ImageSet;
	readonly test: ImageSet;
}

/** The four files of MNIST and of the data sets that took over its form. */
const IDX_FILES = {
	trainImages: "train-images-idx3-ubyte",
	trainLabels: "train-labels-idx1-ubyte",
	testImages: "t10k-images-idx3-ubyte",
	testLabels: "t10k-labels-idx1-ubyte",
} as const;

/** A data set in MNIST's form, as it lies on the web. */
export interface PublishedSet {
	/** Base URLs, each with the four files, packed by gzip. */
	readonly mirrors: readonly string[];
	/** The packed files. */
	readonly files: Readonly<Record<keyof typeof IDX_FILES, ExpectedFile>>;
}

const PUBLISHED: ReadonlyMap<string, PublishedSet> = new Map([
	[
		"mnist",
		{
			mirrors: [
				"https://ossci-datasets.s3.amazonaws.com/mnist/",
				"https://storage.googleapis.com/cvdf-datasets/mnist/",
			],
			files: {
				trainImages: {
					bytes: 9_912_422,
					md5: "f68b3c2dcbeaaa9fbdd348bbdeb94873",
					sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
				},
				trainLabels: {
					bytes: 28_881,
					md5: "d53e105ee54ea40749a09fcbcd1e9432",
					sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
				},
				testImages: {
					bytes: 1_648_877,
					md5: "9fb629c4189551a2d022fa330f9573f3",
					sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
				},
				testLabels: {
					bytes: 4_542,
					md5: "ec29112dd5afa0611ce80d1b7f02629c",
					sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
				},
			},
		},
	],
	[
		"fashion-mnist",
		{
			mirrors: [
				"https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
				"https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
			],
			files: {
				trainImages: {
					bytes: 26_421_880,
					md5: "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
					sha256: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
				},
				trainLabels: {
					bytes: 29_515,
					md5: "25c81989df183df01b3e8a0aad5dffbe",
					sha256: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
				},
				testImages: {
					bytes: 4_422_102,
					md5: "bef4ecab320f06d8554ea6380940ec79",
					sha256: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
				},
				testLabels: {
					bytes: 5_148,
					md5: "bb300cfdad3c16e7a12a480ee83cd310",
					sha256: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
				},
			},
		},
	],
]);

/** Whether a source is a data set by its name; else it is the path of a folder. */
export function isNamed(source: string): boolean {
	return source === "digits" || PUBLISHED.has(source);
}

/** Sets the test digits' seed apart from the training digits'. */
const TEST_SEED = 0x74657374;
const HOLD_OUT_SEED = 10;

/**
 * Loads a data set:
 * - `"digits"`: the built-in handwritten-looking digits, generated;
 * - `"mnist"`, `"fashion-mnist"`: downloaded on first use, kept in `cacheFolder()/datasets`, checked by size, MD5 and SHA-256 each time;
 * - else the path of a folder: with IDX files under MNIST's names (raw or .gz; labels may be missing), or with PNG
 *   images of one size, either directly or in one subfolder a class, or with `train/` and `test/` (or, without `test/`, `val/`) that are each such a folder.
 *   Where a folder has no test part, a tenth of the images, the same ones each time, is held out.
 * @throws DataError when nothing is found or every download fails (the message lists each URL with its reason and the
 * place where a file could be put by hand), FormatError when a file is corrupt, ShapeError when images differ in size.
 */
export async function loadDataset(source: string, options: DatasetOptions = {}): Promise<Dataset> {
	if (source === "digits") {
		const { train = 10_000, test = 1_000, seed = 0 } = options.digits ?? {};
		return { train: generateDigits(train, seed), test: generateDigits(test, seed ^ TEST_SEED) };
	}
	const published = PUBLISHED.get(source);
	return published === undefined ? loadFolder(source, options.onRead) : loadPublished(source, published, options);
}

/**
 * Loads a data set of four IDX files from its mirrors, or from those that the options name, through the cache.
 * @throws DataError and FormatError as `loadDataset` does.
 */
export async function loadPublished(name: string, published: PublishedSet, options: DatasetOptions): Promise<Dataset> {
	const { onProgress, mirrors, digits: _, ...limits } = options;
	const overriding = mirrors ?? process.env.TESSERA_MIRRORS?.split(",").filter((base) => base.trim() !== "");
	const bases = overriding?.map((base) => `${base.trim().replace(/\/$/, "")}/${name}/`) ?? published.mirrors;
	const fetched = (key: keyof typeof IDX_FILES): Promise<Uint8Array> => {
		const file = `${IDX_FILES[key]}.gz`;
		const path = join(cacheFolder(), "datasets", name, file);
		const urls = bases.map((base) => base + file);
		return cachedDownload(path, published.files[key], urls, {
			onProgress: onProgress && ((received, total) => onProgress(file, received, total)),
			...limits,
		});
	};
	// One after the other: the mirrors are shared, and the progress then has one file at a time to tell of.
	const trainImages = await fetched("trainImages");
	const trainLabels = await fetched("trainLabels");
	const testImages = await fetched("testImages");
	const testLabels = await fetched("testLabels");
	return {
		train: await imageSetFromIdx(name, trainImages, trainLabels),
		test: await imageSetFromIdx(name, testImages, testLabels),
	};
}

async function loadFolder(source: string, onRead: ReadingProgress | undefined): Promise<Dataset> {
	const folder = resolve(source);
	if (!(await isFolder(folder))) {
		const names = ["digits", ...PUBLISHED.keys()];
		const closest = closestWord(source, names);
		throw new DataError(
			`"${source}" is neither a data set (${names.map((name) => `"${name}"`).join(", ")}) nor a folder` +
				`${closest === undefined ? ". Check the path." : `; did you mean "${closest}"?`}`,
		);
	}
	const name = basename(folder);
	const idx = await loadIdxPart(name, folder, IDX_FILES.trainImages, IDX_FILES.trainLabels);
	if (idx !== undefined) {
		const test = await loadIdxPart(name, folder, IDX_FILES.testImages, IDX_FILES.testLabels);
		return test === undefined ? holdOut(idx) : paired(idx, test);
	}
	const trainFolder = join(folder, "train");
	if (!(await isFolder(trainFolder)))
		return holdOut(await readImageFolder(name, folder, await classNames(folder), onRead));
	const trainClasses = await classNames(trainFolder);
	const testFolder = await heldOutFolder(folder);
	if (testFolder === undefined) return holdOut(await readImageFolder(name, trainFolder, trainClasses, onRead));
	const testClasses = await classNames(testFolder);
	const classes = [...new Set([...trainClasses, ...testClasses])].sort();
	const train = await readImageFolder(name, trainFolder, classes, onRead);
	return paired(train, await readImageFolder(name, testFolder, classes, onRead));
}

/** The part of a folder that is not trained on: test/, or without one val/. */
async function heldOutFolder(folder: string): Promise<string | undefined> {
	for (const name of ["test", "val"]) if (await isFolder(join(folder, name))) return join(folder, name);
	return undefined;
}

/** One part of an IDX data set, raw or packed; nothing when its images are not there. */
async function loadIdxPart(
	name: string,
	folder: string,
	images: string,
	labels: string,
): Promise<ImageSet | undefined> {
	const read = async (file: string): Promise<Uint8Array | undefined> =>
		(await readFileIfThere(join(folder, file))) ?? (await readFileIfThere(join(folder, `${file}.gz`)));
	const imagesBytes = await read(images);
	return imagesBytes && imageSetFromIdx(name, imagesBytes, await read(labels));
}

function paired(train: ImageSet, test: ImageSet): Dataset {
	const [ofTrain, ofTest] = [train, test].map(
		({ channels, height, width }) => `${width} × ${height} with ${plural(channels, "channel")}`,
	);
	if (ofTrain !== ofTest)
		throw new ShapeError(
			`${train.name}: training images are ${ofTrain}, test images ${ofTest}. Convert them to one kind.`,
		);
	return { train, test };
}

/** Splits off a tenth of a set, one image at least, chosen at random but always the same. */
function holdOut(set: ImageSet): Dataset {
	if (set.count < 2)
		throw new DataError(`${set.name} has ${plural(set.count, "image")}: too few to hold some out for testing.`);
	const order = new Random(HOLD_OUT_SEED).permutation(set.count);
	const testCount = Math.max(1, Math.round(set.count / 10));
	return {
		train: select(set, order.subarray(testCount).sort()),
		test: select(set, order.subarray(0, testCount).sort()),
	};
}
