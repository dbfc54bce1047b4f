import { readdir } from "node:fs/promises";
import { extname, join, sep } from "node:path";
import { fileError, isFolder } from "../files.js";

/** Those of the formats that `readImage` reads, and of others, so that an error says what to do with them. */
const imageExtensions = new Set([
	".png",
	".jpg",
	".jpeg",
	".webp",
	".avif",
	".gif",
	".tif",
	".tiff",
	".bmp",
	".heic",
	".heif",
]);

/** Deeper folders are not visited: a link to a folder above would never end. */
const deepest = 32;

/** The image files of a folder at any depth, sorted by path. Links are followed, hidden files and folders left out. */
export async function imageFiles(folder: string): Promise<string[]> {
	const files: string[] = [];
	await visit(folder, files, 0);
	return files;
}

async function visit(folder: string, files: string[], depth: number): Promise<void> {
	const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
		throw fileError(folder, cause, "listed");
	});
	entries.sort((a, b) => (a.name < b.name ? -1 : 1));
	for (const entry of entries) {
		if (entry.name.startsWith(".")) continue;
		const path = join(folder, entry.name);
		const isSubfolder = entry.isSymbolicLink() ? await isFolder(path) : entry.isDirectory();
		if (!isSubfolder) {
			if (imageExtensions.has(extname(entry.name).toLowerCase())) files.push(path);
		} else if (depth < deepest) await visit(path, files, depth + 1);
	}
}

/** The folder in `folder` that contains a file; undefined for a file that is in `folder` itself. */
export function classOf(folder: string, file: string): string | undefined {
	const parts = file.slice(join(folder, sep).length).split(sep);
	return parts.length > 1 ? parts[0] : undefined;
}
