import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { parseTar } from "nanotar";
import { FormatError } from "../../base/errors.js";
import type { ImageSet } from "../../data/image_set.js";
import { cacheFolder, readFileIfThere } from "../files.js";
import type { Dataset, DatasetOptions } from "./dataset.js";
import { cachedDownload, type ExpectedFile } from "./download.js";

/** An archive with the files of CIFAR-10's binary version (Krizhevsky, "Learning multiple layers of features from tiny images", 2009). */
export interface CifarArchive {
	readonly name: string;
	readonly file: ExpectedFile;
	/** Base URLs of the archive. */
	readonly mirrors: readonly string[];
}

export const cifar10: CifarArchive = {
	name: "cifar-10-binary.tar.gz",
	file: {
		bytes: 170_052_171,
		md5: "c32a1d4ab5d03f1284b67883e8d87530",
		sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
	},
	mirrors: [
		"https://www.cs.toronto.edu/~kriz/",
		"https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/",
	],
};

const trainFiles = [1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`);
const testFile = "test_batch.bin";
const namesFile = "batches.meta.txt";

/** The files of the images. */
export const cifarFiles: readonly string[] = [...trainFiles, testFile];

/** A label, and the red, green and blue planes of 32 × 32. */
const pixelBytes = 3 * 32 * 32;
const recordBytes = 1 + pixelBytes;
/** Of an unpacked archive at most: three times the published one. */
const mostBytes = 2 ** 29;

/** CIFAR-10, downloaded on first use. @throws DataError if every download fails, FormatError if a file is corrupt */
export async function loadCifar(options: DatasetOptions, archive: CifarArchive = cifar10): Promise<Dataset> {
	const { onProgress, mirrors, digits: _, onRead: __, ...limits } = options;
	const overriding = mirrors ?? process.env.TESSERA_MIRRORS?.split(",").filter((base) => base.trim() !== "");
	const bases = overriding?.map((base) => `${base.trim().replace(/\/$/, "")}/cifar-10/`) ?? archive.mirrors;
	const path = join(cacheFolder(), "datasets", "cifar-10", archive.name);
	const bytes = await cachedDownload(
		path,
		archive.file,
		bases.map((base) => base + archive.name),
		{ onProgress: onProgress && ((received, total) => onProgress(archive.name, received, total)), ...limits },
	);
	return unpack(path, bytes);
}

/** @throws FormatError naming the archive if it has not the files of CIFAR-10 */
function unpack(path: string, bytes: Uint8Array): Dataset {
	let files: Map<string, Uint8Array>;
	try {
		const entries = parseTar(gunzipSync(bytes, { maxOutputLength: mostBytes }));
		files = new Map(entries.map(({ name, data }) => [name.replace(/^.*\//, ""), data ?? new Uint8Array()]));
	} catch (cause) {
		throw new FormatError(`"${path}" is not a gzipped tar archive: ${(cause as Error).message}`, { cause });
	}
	return datasetOf(path, (name) => files.get(name));
}

/**
 * The files of CIFAR-10's binary version in a folder.
 *
 * @returns undefined if they are not there
 * @throws FormatError naming a file that is missing or corrupt
 */
export async function loadCifarFolder(folder: string): Promise<Dataset | undefined> {
	const files = new Map<string, Uint8Array>();
	for (const name of [...trainFiles, testFile, namesFile]) {
		const bytes = await readFileIfThere(join(folder, name));
		if (bytes !== undefined) files.set(name, bytes);
	}
	if (!files.has(trainFiles[0]) && !files.has(testFile)) return undefined;
	return datasetOf(folder, (name) => files.get(name));
}

function datasetOf(where: string, find: (name: string) => Uint8Array | undefined): Dataset {
	const file = (name: string): Uint8Array => {
		const bytes = find(name);
		if (bytes === undefined)
			throw new FormatError(`"${where}" has no ${name}: all of ${trainFiles.join(", ")} and ${testFile} are needed.`);
		return bytes;
	};
	const names = find(namesFile);
	const classes = names && new TextDecoder().decode(names).split(/\s+/).filter(Boolean);
	return {
		train: imagesOf(trainFiles.map((name) => [`${where}/${name}`, file(name)])),
		test: imagesOf([[`${where}/${testFile}`, file(testFile)]]),
		...(classes?.length === 10 ? { classes } : {}),
	};
}

function imagesOf(files: readonly (readonly [path: string, bytes: Uint8Array])[]): ImageSet {
	const counts = files.map(([path, bytes]) => {
		const count = bytes.length / recordBytes;
		if (!Number.isInteger(count) || count === 0)
			throw new FormatError(
				`"${path}" has ${bytes.length} bytes, but a file of CIFAR-10 has a multiple of ${recordBytes}: download it again.`,
			);
		return count;
	});
	const count = counts.reduce((sum, n) => sum + n, 0);
	const pixels = new Uint8Array(count * pixelBytes);
	const labels = new Uint8Array(count);
	let image = 0;
	for (const [path, bytes] of files)
		for (let at = 0; at < bytes.length; at += recordBytes, image++) {
			if (bytes[at] > 9)
				throw new FormatError(
					`"${path}": the label of image ${at / recordBytes} is ${bytes[at]}, but CIFAR-10's are 0 to 9.`,
				);
			labels[image] = bytes[at];
			pixels.set(bytes.subarray(at + 1, at + recordBytes), image * pixelBytes);
		}
	return { name: "cifar-10", count, channels: 3, height: 32, width: 32, pixels, labels };
}
