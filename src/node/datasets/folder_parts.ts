import { join } from "node:path";
import { DataError } from "../../base/errors.js";
import { isFolder } from "../files.js";
import { classOf, imageFiles } from "../images/image_folder.js";

/** Image files that are used together: for training, for validation, or for testing. */
export interface FolderPart {
	readonly folder: string;
	/** Paths, sorted. */
	readonly files: readonly string[];
	/** [files.length]: numbers of classes. */
	readonly labels: Uint8Array | undefined;
}

/** The image files of a folder. */
export interface FolderParts {
	readonly train: FolderPart;
	/** `val/`, `valid/` or `validation/` */
	readonly validation: FolderPart | undefined;
	/** `test/` */
	readonly test: FolderPart | undefined;
	/** The sorted names of the classes; undefined without classes. */
	readonly classes: readonly string[] | undefined;
}

const mostClasses = 256;
const validationNames = ["val", "valid", "validation"];

/**
 * The image files of a folder at any depth. If it contains `train/`, the folders `val/` and `test/` are parts as well; otherwise all of
 * it is for training. If every image is in a subfolder, these subfolders are the classes, up to 256 of them.
 *
 * @throws DataError if there are no images, or a folder cannot be listed
 */
export async function folderParts(folder: string): Promise<FolderParts> {
	const isSplit = await isFolder(join(folder, "train"));
	const train = await filesOf(isSplit ? join(folder, "train") : folder);
	if (train.files.length === 0)
		throw new DataError(`"${train.folder}" contains no images, at any depth: choose another folder.`);
	const validation = isSplit ? await firstOf(folder, validationNames) : undefined;
	const test = isSplit ? await firstOf(folder, ["test"]) : undefined;
	const parts = [train, validation, test].filter((part) => part !== undefined);
	const classes = classesOf(parts);
	return {
		train: labelled(train, classes),
		validation: validation && labelled(validation, classes),
		test: test && labelled(test, classes),
		classes,
	};
}

type Files = Omit<FolderPart, "labels">;

async function filesOf(folder: string): Promise<Files> {
	return { folder, files: await imageFiles(folder) };
}

/** The first of these subfolders that exists and contains images. */
async function firstOf(folder: string, names: readonly string[]): Promise<Files | undefined> {
	for (const name of names) {
		if (!(await isFolder(join(folder, name)))) continue;
		const found = await filesOf(join(folder, name));
		if (found.files.length > 0) return found;
	}
	return undefined;
}

/** The names of the subfolders of all parts; undefined if an image is in none, or if there are fewer than 2 or more than 256. */
function classesOf(parts: readonly Files[]): readonly string[] | undefined {
	const names = new Set<string>();
	for (const { folder, files } of parts)
		for (const file of files) {
			const name = classOf(folder, file);
			if (name === undefined) return undefined;
			names.add(name);
		}
	return names.size < 2 || names.size > mostClasses ? undefined : [...names].sort();
}

function labelled({ folder, files }: Files, classes: readonly string[] | undefined): FolderPart {
	if (classes === undefined) return { folder, files, labels: undefined };
	const numbers = new Map(classes.map((name, i) => [name, i]));
	return { folder, files, labels: Uint8Array.from(files, (file) => numbers.get(classOf(folder, file) ?? "") ?? 0) };
}
