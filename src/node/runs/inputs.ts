import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { closestWord } from "../../base/arguments.js";
import { ArgumentError, DataError } from "../../base/errors.js";
import { fileError } from "../files.js";
import { imageFiles } from "../images/image_folder.js";

const modelName = "model.safetensors";

/**
 * The file of a model, given as the file itself or as the folder of its run.
 *
 * @throws DataError if there is neither, with the most similar name
 */
export async function modelFile(path: string): Promise<string> {
	if (!(await isFolder(path, "the folder of a run, or a model file"))) return path;
	const file = join(path, modelName);
	if (await exists(file)) return file;
	throw new DataError(
		`"${path}" has no ${modelName}: it is not the folder of a run of \`tessera train\`, or its first epoch has not ended yet.`,
	);
}

/**
 * The folder of a run, given as the folder itself or as a file in it.
 *
 * @throws DataError if there is neither, with the most similar name
 */
export async function runFolderOf(path: string): Promise<string> {
	return (await isFolder(path, "the folder of a run")) ? path : dirname(path);
}

/**
 * The image files given as files, or as folders that contain them at any depth.
 *
 * @param caller the command, for messages
 * @throws ArgumentError if none is given, DataError if one is missing or a folder has no images
 */
export async function imagePaths(caller: string, paths: readonly string[]): Promise<string[]> {
	if (paths.length === 0)
		throw new ArgumentError(`${caller}: no images were given: name at least one image, or a folder of them.`);
	const files: string[] = [];
	for (const path of paths) {
		if (!(await isFolder(path, "an image or a folder of images"))) {
			files.push(path);
			continue;
		}
		const inside = await imageFiles(path);
		if (inside.length === 0) throw new DataError(`"${path}" contains no images, at any depth: choose another folder.`);
		files.push(...inside);
	}
	return files;
}

/** @throws DataError if there is neither a file nor a folder of that name */
async function isFolder(path: string, wanted: string): Promise<boolean> {
	try {
		return (await stat(path)).isDirectory();
	} catch (error) {
		const code = (error as NodeJS.ErrnoException).code;
		if (code !== "ENOENT" && code !== "ENOTDIR") throw fileError(path, error, "read");
		const neighbours = await readdir(dirname(path)).catch((): string[] => []);
		if (neighbours.includes(basename(path))) throw fileError(path, error, "read"); // a link to a missing file
		const closest = closestWord(basename(path), neighbours);
		const hint = closest === undefined ? `Name ${wanted}.` : `Did you mean "${join(dirname(path), closest)}"?`;
		throw new DataError(`There is no file or folder "${path}". ${hint}`);
	}
}

async function exists(path: string): Promise<boolean> {
	return stat(path).then(
		() => true,
		() => false,
	);
}
