import { randomBytes } from "node:crypto";
import { rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DataError } from "../../base/errors.js";
import { fileError, makeFolder } from "../files.js";
import { imageGrid } from "./image_grid.js";
import type { Image } from "./read_image.js";

/** The ends of names of images, which .png replaces. */
const imageExtension = /\.(png|jpe?g|webp|avif|gif|tiff?|bmp|hei[cf])$/i;

/** A folder that images are written into as PNG files, each with a name of its own. */
export class PngFolder {
	private readonly taken = new Set<string>();
	private readonly folders = new Set<string>();
	count = 0;

	/** @param overwrite whether files that exist may be replaced */
	constructor(
		readonly path: string,
		private readonly overwrite: boolean,
	) {}

	/**
	 * Writes an image, completely or not at all, but does not wait until it is on the disk.
	 *
	 * @param name where the image comes from: its path in a folder. An end such as .jpg is replaced by .png, and a name that was
	 * given before gets a number
	 * @param scale the side of the square that each pixel becomes
	 * @throws DataError if the file exists or cannot be written
	 */
	async write(name: string, { pixels, channels, height, width }: Image, scale = 1): Promise<void> {
		const path = join(this.path, this.freeName(name));
		const png = imageGrid({ images: pixels, count: 1, channels, height, width, columns: 1, scale, gap: 0 });
		const folder = dirname(path);
		if (!this.folders.has(folder)) {
			await makeFolder(folder);
			this.folders.add(folder);
		}
		if (!this.overwrite && (await exists(path)))
			throw new DataError(
				`"${path}" exists: choose another folder, or give --overwrite to replace files${this.count === 0 ? "" : `. ${this.count} files were written before it`}.`,
			);
		const temporary = join(folder, `.${basename(path).slice(0, 80)}.${randomBytes(6).toString("hex")}.tmp`);
		try {
			await writeFile(temporary, png, { flag: "wx" });
			await rename(temporary, path);
		} catch (error) {
			await rm(temporary, { force: true }).catch(() => undefined);
			throw fileError(path, error, "written");
		}
		this.count++;
	}

	private freeName(name: string): string {
		const stem = stemOf(name);
		let free = stem;
		// Some file systems do not tell upper from lower case.
		for (let number = 2; this.taken.has(free.toLowerCase()); number++) free = `${stem}-${number}`;
		this.taken.add(free.toLowerCase());
		return `${free}.png`;
	}
}

/** The path of an image's PNG file in a folder, unless an image before it has that one. */
export function pngName(name: string): string {
	return `${stemOf(name)}.png`;
}

function stemOf(name: string): string {
	return safePath(name).replace(imageExtension, "");
}

/** A path that does not lead out of a folder and that every file system allows, whatever a file of codes says. */
export function safePath(name: string): string {
	const parts = name.split(/[/\\]/).filter((part) => part !== "" && part !== "." && part !== "..");
	const safe = parts.map(safeName);
	return safe.length === 0 ? "image" : join(...safe);
}

/** A name of a file or folder that every file system allows. */
export function safeName(name: string): string {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
	return name.replace(/[<>:"|?*/\\\u0000-\u001f]/g, "_").replace(/^\.+/, "_") || "_";
}

async function exists(path: string): Promise<boolean> {
	return stat(path).then(
		() => true,
		() => false,
	);
}
