import { ArgumentError, FormatError, LimitError } from "../../base/errors.js";
import { readRegularFile } from "../files.js";
import { type Colour, decodePng, isPng } from "./png.js";
import { loadSharp } from "./sharp.js";

/** One image as bytes in host memory. */
export interface Image {
	readonly channels: 1 | 3;
	readonly height: number;
	readonly width: number;
	/** [channels, height, width], 0 … 255. */
	readonly pixels: Uint8Array;
}

/** What is known of formats that start like this. */
interface Format {
	readonly name: string;
	readonly isFormat: (start: string) => boolean;
	/** Whether sharp decodes it with the libraries that its package brings. */
	readonly isRead: boolean;
}

const formats: readonly Format[] = [
	{ name: "JPEG", isFormat: (start) => start.startsWith("\xff\xd8\xff"), isRead: true },
	{ name: "WebP", isFormat: (start) => start.startsWith("RIFF") && start.startsWith("WEBP", 8), isRead: true },
	{ name: "AVIF", isFormat: (start) => /^ftypavi[fs]/.test(start.slice(4)), isRead: true },
	{ name: "GIF", isFormat: (start) => start.startsWith("GIF8"), isRead: true },
	{ name: "TIFF", isFormat: (start) => start.startsWith("II*\0") || start.startsWith("MM\0*"), isRead: true },
	{ name: "HEIC", isFormat: (start) => /^ftyp(hei[cxms]|mif1|msf1)/.test(start.slice(4)), isRead: false },
	{ name: "BMP", isFormat: (start) => start.startsWith("BM"), isRead: false },
];

export interface ReadOptions {
	/** What transparent pixels are composited over; black by default. */
	readonly background?: Colour;
	/** What the shorter side is scaled to (Lanczos); by default the image stays as it is. */
	readonly shorterSide?: number | undefined;
}

/** The most values (pixels times channels) of an image: as many bytes as every device can bind. */
const mostValues = 2 ** 27;

/**
 * Reads an image file: PNG with our own reader (see `decodePng`), JPEG, WebP, AVIF, GIF (its first image) and TIFF with sharp, if
 * that package is installed. The orientation that EXIF states is applied. An image whose pixels are all grey has 1 channel, others
 * have 3.
 *
 * @throws FormatError naming the file if it is of another format or damaged, LimitError if it has more than 2²⁷ values, DataError
 * if it cannot be read or sharp is missing
 */
export async function readImage(path: string, options: ReadOptions = {}): Promise<Image> {
	const bytes = await readRegularFile(path);
	const { background = [0, 0, 0], shorterSide } = options;
	if (!isPng(bytes)) return decodeWithSharp(path, bytes, background, shorterSide);
	try {
		const image = decodePng(bytes, background);
		return shorterSide === undefined ? image : await scaled(image, shorterSide);
	} catch (cause) {
		if (cause instanceof LimitError) throw new LimitError(`"${path}": ${cause.message}`, { cause });
		if (cause instanceof FormatError)
			throw new FormatError(`"${path}" is a corrupt PNG file: ${cause.message}`, { cause });
		throw cause;
	}
}

async function decodeWithSharp(
	path: string,
	bytes: Buffer,
	[r, g, b]: Colour,
	shorterSide: number | undefined,
): Promise<Image> {
	const start = bytes.toString("latin1", 0, 16);
	const format = formats.find(({ isFormat }) => isFormat(start));
	if (format === undefined || !format.isRead)
		throw new FormatError(
			`"${path}" is ${format === undefined ? "no image file that is known" : `a ${format.name} file`}; PNG, JPEG, WebP, AVIF, GIF and TIFF are read. Convert it first, for example with ImageMagick: magick mogrify -format png FILES`,
		);
	const sharp = await loadSharp(`"${path}", a ${format.name} file,`);
	try {
		const decoded = sharp(bytes, { limitInputPixels: Math.floor(mostValues / 3), sequentialRead: true })
			.autoOrient()
			.flatten({ background: { r, g, b } })
			.toColourspace("srgb");
		if (shorterSide !== undefined) decoded.resize({ width: shorterSide, height: shorterSide, fit: "outside" });
		const { data, info } = await decoded.raw().toBuffer({ resolveWithObject: true });
		return planar(data, info.width, info.height, info.channels);
	} catch (cause) {
		// The first line; libvips repeats itself in the others.
		const [reason] = (cause instanceof Error ? cause.message : String(cause)).trim().split("\n");
		if (/exceeds pixel limit/i.test(reason))
			throw new LimitError(
				`"${path}": it has more than ${Math.floor(mostValues / 3).toLocaleString("en-US")} pixels: scale it down or cut it up first.`,
				{ cause },
			);
		throw new FormatError(`"${path}" is a corrupt ${format.name} file: ${reason}`, { cause });
	}
}

/**
 * The image with its shorter side scaled (Lanczos).
 *
 * @throws DataError if it needs scaling and sharp is not installed
 */
export async function scaled(image: Image, shorterSide: number): Promise<Image> {
	const { width, height, channels } = image;
	if (Math.min(width, height) === shorterSide) return image;
	const sharp = await loadSharp("Scaling images");
	const { data, info } = await sharp(interleaved(image), { raw: { width, height, channels } })
		.resize({ width: shorterSide, height: shorterSide, fit: "outside" })
		.raw()
		.toBuffer({ resolveWithObject: true });
	return withChannels(planar(data, info.width, info.height, info.channels), channels);
}

/** Pixels of interleaved channels → [channels, height, width]; 1 channel if all pixels are grey. */
function planar(interleaved: Uint8Array, width: number, height: number, stored: number): Image {
	const plane = width * height;
	let isGrey = true;
	for (let i = 0; isGrey && stored >= 3 && i < plane; i++)
		isGrey =
			interleaved[stored * i] === interleaved[stored * i + 1] &&
			interleaved[stored * i] === interleaved[stored * i + 2];
	const channels = isGrey ? 1 : 3;
	const pixels = new Uint8Array(channels * plane);
	for (let channel = 0; channel < channels; channel++)
		for (let i = 0; i < plane; i++) pixels[channel * plane + i] = interleaved[stored * i + channel];
	return { channels, height, width, pixels };
}

/** The image as [height, width, channels]. */
function interleaved({ channels, height, width, pixels }: Image): Uint8Array {
	if (channels === 1) return pixels;
	const plane = width * height;
	return Uint8Array.from(
		{ length: pixels.length },
		(_, i) => pixels[(i % channels) * plane + Math.floor(i / channels)],
	);
}

/**
 * The image with 1 or 3 channels: grey repeated, or colours weighted as in Rec. 601 to grey.
 *
 * @throws ArgumentError for a number of channels that no image has
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
			`The model takes images of ${channels} channels, but images have 1 or 3: choose a model of 1 or 3 channels.`,
		);
	const value = (channel: number, i: number) => image.pixels[channel * plane + i];
	const luma = (i: number) => Math.round(0.299 * value(0, i) + 0.587 * value(1, i) + 0.114 * value(2, i));
	return { ...image, channels: 1, pixels: Uint8Array.from({ length: plane }, (_, i) => luma(i)) };
}
