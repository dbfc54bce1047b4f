import { ArgumentError, FormatError, LimitError } from "../../base/errors.js";
import { readRegularFile } from "../files.js";
import { decodePng, isPng } from "./png.js";

/** One image as bytes in host memory. */
export interface Image {
	readonly channels: 1 | 3;
	readonly height: number;
	readonly width: number;
	/** [channels, height, width], 0 … 255. */
	readonly pixels: Uint8Array;
}

/** The first bytes of other image formats, to name them in an error. */
const otherFormats: readonly (readonly [name: string, start: string])[] = [
	["JPEG", "\xff\xd8\xff"],
	["GIF", "GIF8"],
	["BMP", "BM"],
	["TIFF", "II*\0"],
	["TIFF", "MM\0*"],
	["WebP", "RIFF"],
];

/**
 * Reads a PNG file, see `decodePng`.
 *
 * @throws FormatError naming the file if it is not a PNG or corrupt, LimitError if it has more than 2²⁷ values, DataError
 * if it cannot be read.
 */
export async function readImage(path: string): Promise<Image> {
	const bytes = await readRegularFile(path);
	if (!isPng(bytes)) {
		const start = bytes.toString("latin1", 0, 8);
		const kind = otherFormats.find(([, signature]) => start.startsWith(signature))?.[0];
		throw new FormatError(
			`"${path}" is ${kind === undefined ? "not a PNG file" : `a ${kind} file`}, and only PNG is read: convert it first, ` +
				"for example with ImageMagick: magick mogrify -format png FILES",
		);
	}
	try {
		return decodePng(bytes);
	} catch (cause) {
		if (cause instanceof LimitError) throw new LimitError(`"${path}": ${cause.message}`, { cause });
		if (cause instanceof FormatError)
			throw new FormatError(`"${path}" is a corrupt PNG file: ${cause.message}`, { cause });
		throw cause;
	}
}

/**
 * The image with a model's number of channels: grey repeated, or the luma (ITU-R BT.601) of a colour image.
 *
 * @throws ArgumentError for a number of channels that no PNG has
 */
export function withChannels(image: Image, channels: number): Image {
	if (image.channels === channels) return image;
	const plane = image.height * image.width;
	if (channels === 3) {
		const pixels = new Uint8Array(3 * plane);
		for (let channel = 0; channel < 3; channel++) pixels.set(image.pixels, channel * plane);
		return { ...image, channels: 3, pixels };
	}
	if (channels !== 1)
		throw new ArgumentError(
			`The model takes images of ${channels} channels, but PNG images have 1 or 3: choose a model of 1 or 3 channels.`,
		);
	const value = (channel: number, i: number) => image.pixels[channel * plane + i];
	const luma = (i: number) => Math.round(0.299 * value(0, i) + 0.587 * value(1, i) + 0.114 * value(2, i));
	return { ...image, channels: 1, pixels: Uint8Array.from({ length: plane }, (_, i) => luma(i)) };
}
