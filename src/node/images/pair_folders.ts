import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../../base/errors.js";
import { fileError } from "../files.js";
import { PngFolder } from "./png_folder.js";
import type { Image } from "./read_image.js";

/** Two folders for originals and their reconstructions, under the same names, for programs that compare folders. */
export class PairFolders {
	private constructor(
		private readonly originals: PngFolder,
		private readonly reconstructions: PngFolder,
	) {}

	/** @throws DataError if one of them contains files, which would be compared as well */
	static async open(path: string): Promise<PairFolders> {
		const folders = ["originals", "reconstructions"].map((name) => join(path, name));
		for (const folder of folders) {
			const found = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
				if (error.code === "ENOENT") return [];
				throw fileError(folder, error, "listed");
			});
			if (found.length > 0)
				throw new DataError(`--pairs: "${folder}" contains files already: choose another folder, or empty this one.`);
		}
		const [originals, reconstructions] = folders.map((folder) => new PngFolder(folder, true));
		return new PairFolders(originals, reconstructions);
	}

	async write(name: string, original: Image, reconstruction: Image): Promise<void> {
		await this.originals.write(name, original);
		await this.reconstructions.write(name, reconstruction);
	}
}
