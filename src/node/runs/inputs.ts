import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { closestWord } from "../../base/arguments.js";
import { ArgumentError, DataError } from "../../base/errors.js";
import { fileError } from "../files.js";
import { classNames, imageFiles } from "../images/image_folder.js";

const modelName = "model.safetensors";

/**
 * The file of a model, which a command line names by the file itself or by the folder of its run.
 *
 * @throws DataError if there is neither, naming what is spelt alike
 */
export async function modelFile(path: string): Promise<string> {
	if (!(await isFolder(path, "the folder of a run, or a model file"))) return path;
	const file = join(path, modelName);
	if (await exists(file)) return file;
	throw new DataError(
		`"${path}" has no ${modelName}: it is not the folder of a run of \`tessera train\`, or no epoch of it has ended yet.`,
	);
}

/**
 * The folder of a run, which a command line names by itself or by a file in it.
 *
 * @throws DataError if there is neither, naming what is spelt alike
 */
export async function runFolderOf(path: string): Promise<string> {
	return (await isFolder(path, "the folder of a run")) ? path : dirname(path);
}

/**
 * The PNG files that a command line names: files, and those in folders, or in their class folders.
 *
 * @param usage of the command, for the message if nothing is named
 * @throws ArgumentError if nothing is named, DataError if something is not there or a folder has no images
 */
export async function imagePaths(paths: readonly string[], usage: string): Promise<string[]> {
	if (paths.length === 0) throw new ArgumentError(`${usage}: name at least one PNG image, or a folder of them.`);
	const files: string[] = [];
	for (const path of paths) {
		if (!(await isFolder(path, "an image or a folder of images"))) {
			files.push(path);
			continue;
		}
		const inside = await imageFiles(path);
		for (const name of await classNames(path)) inside.push(...(await imageFiles(join(path, name))));
		if (inside.length === 0) throw new DataError(`"${path}" holds no images: neither itself nor in its folders.`);
		files.push(...inside);
	}
	return files;
}

/** @throws DataError if there is nothing of that name */
async function isFolder(path: string, wanted: string): Promise<boolean> {
	try {
		return (await stat(path)).isDirectory();
	} catch (error) {
		const code = (error as NodeJS.ErrnoException).code;
		if (code !== "ENOENT" && code !== "ENOTDIR") throw fileError(path, error, "read");
		const neighbours = await readdir(dirname(path)).catch((): string[] => []);
		if (neighbours.includes(basename(path))) throw fileError(path, error, "read"); // a link to nothing
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
