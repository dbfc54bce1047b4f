import { open } from "node:fs/promises";
import { isPng } from "./png.js";
import { loadSharp } from "./sharp.js";

/** Width and height of an image in pixels, its orientation applied. */
export interface ImageSize {
	readonly width: number;
	readonly height: number;
}

/** The size that an image file's header states; undefined if it cannot be read, which `readImage` explains. */
export async function imageSizeOf(path: string): Promise<ImageSize | undefined> {
	try {
		const file = await open(path, "r");
		const start = Buffer.alloc(24);
		try {
			if ((await file.read(start, 0, start.length, 0)).bytesRead < start.length) return undefined;
		} finally {
			await file.close();
		}
		if (isPng(start)) return { width: start.readUInt32BE(16), height: start.readUInt32BE(20) };
		const sharp = await loadSharp(`"${path}"`);
		const { autoOrient } = await sharp(path).metadata();
		return autoOrient;
	} catch {
		return undefined;
	}
}
