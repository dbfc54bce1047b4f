import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { DataError, ShapeError } from "../../base/errors.js";
import { Random } from "../../base/random.js";
import { type ImageSet, imageSetFromIdx, select } from "../../data/image_set.js";
import { fileError, isFolder, readFileIfThere } from "../files.js";
import { plural } from "../plural.js";
import { cifarFiles, loadCifarFolder } from "./cifar.js";
import { type Dataset, idxFiles } from "./dataset.js";
import { type FolderPart, folderParts } from "./folder_parts.js";
import { type ReadingProgress, readFolderPart } from "./read_folder.js";

const holdOutSeed = 10;

/**
 * The data set in a folder, see `loadDataset`. Without a test part, a tenth of the images is held out.
 *
 * @throws DataError, FormatError and ShapeError as `loadDataset` does
 */
export async function loadFolder(folder: string, onRead?: ReadingProgress): Promise<Dataset> {
	const name = basename(folder);
	const idx = await loadIdxPart(name, folder, idxFiles.trainImages, idxFiles.trainLabels);
	if (idx !== undefined) {
		const test = await loadIdxPart(name, folder, idxFiles.testImages, idxFiles.testLabels);
		return test === undefined ? holdOut(idx) : paired(idx, test);
	}
	const cifar = await loadCifarFolder(folder);
	if (cifar !== undefined) return cifar;
	const { train, validation, test, classes } = await folderParts(folder);
	const read = (part: FolderPart) => readFolderPart(name, part, onRead);
	const heldOut = test ?? validation;
	const parts = heldOut === undefined ? holdOut(await read(train)) : paired(await read(train), await read(heldOut));
	return classes === undefined ? parts : { ...parts, classes };
}

/** Whether a path is a folder without IDX files and files of CIFAR-10, so that its image files are meant. */
export async function isImageFolder(path: string): Promise<boolean> {
	if (!(await isFolder(path))) return false;
	const names = await readdir(path).catch((cause: unknown) => {
		throw fileError(path, cause, "listed");
	});
	return !names.some((name) => [idxFiles.trainImages, `${idxFiles.trainImages}.gz`, ...cifarFiles].includes(name));
}

/** One part of an IDX data set, raw or compressed; undefined if its images are missing. */
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
			`"${train.name}": its training images are ${ofTrain}, its test images ${ofTest}: convert them to one size and number of channels.`,
		);
	return { train, test };
}

/** Holds out a tenth of a set, at least one image, chosen by a fixed seed. */
function holdOut(set: ImageSet): Dataset {
	if (set.count < 2)
		throw new DataError(
			`"${set.name}" has ${plural(set.count, "image")}, but at least 2 are needed, one for training and one for testing: add images.`,
		);
	const order = new Random(holdOutSeed).permutation(set.count);
	const testCount = Math.max(1, Math.round(set.count / 10));
	return {
		train: select(set, order.subarray(testCount).sort()),
		test: select(set, order.subarray(0, testCount).sort()),
	};
}
