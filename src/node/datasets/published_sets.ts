import { join } from "node:path";
import { imageSetFromIdx } from "../../data/image_set.js";
import { cacheFolder } from "../files.js";
import { type Dataset, type DatasetOptions, idxFiles } from "./dataset.js";
import { cachedDownload, type ExpectedFile } from "./download.js";

/** A published data set in MNIST's format. */
export interface PublishedSet {
	/** Base URLs, each with the four files, compressed by gzip. */
	readonly mirrors: readonly string[];
	/** The compressed files. */
	readonly files: Readonly<Record<keyof typeof idxFiles, ExpectedFile>>;
}

/** The published data sets by name. */
export const publishedSets: ReadonlyMap<string, PublishedSet> = new Map([
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

/**
 * Loads a data set of four IDX files from its mirrors, or from those that the options name, through the cache.
 *
 * @throws DataError if every download fails, FormatError if a file is corrupt
 */
export async function loadPublished(name: string, published: PublishedSet, options: DatasetOptions): Promise<Dataset> {
	const { onProgress, mirrors, digits: _, ...limits } = options;
	const overriding = mirrors ?? process.env.TESSERA_MIRRORS?.split(",").filter((base) => base.trim() !== "");
	const bases = overriding?.map((base) => `${base.trim().replace(/\/$/, "")}/${name}/`) ?? published.mirrors;
	const fetched = (key: keyof typeof idxFiles): Promise<Uint8Array> => {
		const file = `${idxFiles[key]}.gz`;
		const path = join(cacheFolder(), "datasets", name, file);
		const urls = bases.map((base) => base + file);
		return cachedDownload(path, published.files[key], urls, {
			onProgress: onProgress && ((received, total) => onProgress(file, received, total)),
			...limits,
		});
	};
	// One after the other, because the mirrors are shared and the progress shows one file at a time.
	const trainImages = await fetched("trainImages");
	const trainLabels = await fetched("trainLabels");
	const testImages = await fetched("testImages");
	const testLabels = await fetched("testLabels");
	return {
		train: await imageSetFromIdx(name, trainImages, trainLabels),
		test: await imageSetFromIdx(name, testImages, testLabels),
	};
}
