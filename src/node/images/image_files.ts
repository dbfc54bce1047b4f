import { encode } from "fast-png";
import { ArgumentError, FormatError, LimitError, ShapeError } from "../../base/errors.js";
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

/** What `imageGrid` and `reconstructionGrid` lay out. */
export interface GridOptions {
	/** [count, channels, height, width], 0 … 255. Of 2 channels the first is drawn (grey), of 4 or more the first 3. */
	readonly images: Uint8Array;
	readonly count: number;
	readonly channels: number;
	readonly height: number;
	readonly width: number;
	/** Images a row. */
	readonly columns: number;
	/** Each pixel becomes a square of so many; by default as many as make an image 64 pixels high or wide at most. */
	readonly scale?: number;
	/** Space between and around the images, in pixels of the result; 4 by default. */
	readonly gap?: number;
}

/** A slate that black, white and coloured images all stand out from. */
const BACKGROUND = [58, 62, 70];
const BACKGROUND_GREY = [62];

/** How other image formats begin, to name them in an error. */
const OTHER_FORMATS: readonly (readonly [name: string, start: string])[] = [
	["JPEG", "\xff\xd8\xff"],
	["GIF", "GIF8"],
	["BMP", "BM"],
	["TIFF", "II*\0"],
	["TIFF", "MM\0*"],
	["WebP", "RIFF"],
];

/**
 * Reads a PNG file, see `decodePng`.
 * @throws FormatError naming the file if it is not a PNG or corrupt, LimitError if it has more than 2²⁷ values, DataError
 * if it cannot be read.
 */
export async function readImage(path: string): Promise<Image> {
	const bytes = await readRegularFile(path);
	if (!isPng(bytes)) {
		const start = bytes.toString("latin1", 0, 8);
		const kind = OTHER_FORMATS.find(([, signature]) => start.startsWith(signature))?.[0];
		throw new FormatError(
			`${path} is ${kind === undefined ? "not a PNG file" : `a ${kind} file`}; only PNG is read. ` +
				"Convert it first, for example with ImageMagick: magick mogrify -format png FILES",
		);
	}
	try {
		return decodePng(bytes);
	} catch (cause) {
		if (cause instanceof LimitError) throw new LimitError(`${path}: ${cause.message}`, { cause });
		if (cause instanceof FormatError) throw new FormatError(`${path}: corrupt PNG file: ${cause.message}`, { cause });
		throw cause;
	}
}

/**
 * The image with a model's number of channels: grey repeated, or the luma (ITU-R BT.601) of a colour image.
 * @throws ArgumentError where a PNG has no such number.
 */
export function withChannels(image: Image, channels: number): Image {
	if (image.channels === channels) return image;
	const plane = image.height * image.width;
	if (channels === 3) return { ...image, channels: 3, pixels: joined([image.pixels, image.pixels, image.pixels]) };
	if (channels !== 1)
		throw new ArgumentError(`The model takes images of ${channels} channels, which a PNG does not hold.`);
	const value = (channel: number, i: number) => image.pixels[channel * plane + i];
	const luma = (i: number) => Math.round(0.299 * value(0, i) + 0.587 * value(1, i) + 0.114 * value(2, i));
	return { ...image, channels: 1, pixels: Uint8Array.from({ length: plane }, (_, i) => luma(i)) };
}

/** Byte arrays one after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
	const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
	let at = 0;
	for (const part of parts) {
		whole.set(part, at);
		at += part.length;
	}
	return whole;
}

/**
 * Lays images out in rows, as PNG bytes. The last row may be short.
 * @throws ShapeError when `images` does not hold `count` images of that shape, ArgumentError when a number is out of
 * its range.
 */
export function imageGrid(options: GridOptions): Uint8Array {
	checkGrid(options);
	return drawGrid(cells(options.images, options.count), options);
}

/**
 * Lays out images and their reconstructions, as PNG bytes: each row of originals stands over its reconstructions.
 * @param options as for `imageGrid`, with the originals as `images`
 * @param reconstructions as many images, in the same layout
 * @throws ShapeError when the two differ in length, and as `imageGrid` does.
 */
export function reconstructionGrid(options: GridOptions, reconstructions: Uint8Array): Uint8Array {
	checkGrid(options);
	const { images, count, columns } = options;
	if (reconstructions.length !== images.length) {
		throw new ShapeError(`${images.length} values of originals, but ${reconstructions.length} of reconstructions`);
	}
	const above = cells(images, count);
	const below = cells(reconstructions, count);
	const perRow = Math.min(columns, count);
	const rows: Cell[] = [];
	for (let start = 0; start < count; start += perRow) {
		// A short last row is filled up, or its reconstructions would follow on the same line.
		const missing: Cell[] = new Array(Math.max(0, start + perRow - count)).fill(undefined);
		rows.push(...above.slice(start, start + perRow), ...missing, ...below.slice(start, start + perRow), ...missing);
	}
	return drawGrid(rows, options);
}

/** The values of one image; nothing for a place that stays empty. */
type Cell = Uint8Array | undefined;

function cells(images: Uint8Array, count: number): Cell[] {
	const size = images.length / count;
	return Array.from({ length: count }, (_, i) => images.subarray(i * size, (i + 1) * size));
}

function checkGrid({ images, count, channels, height, width, columns, scale = 1, gap = 0 }: GridOptions): void {
	for (const [name, value, least] of [
		["count", count, 1],
		["channels", channels, 1],
		["height", height, 1],
		["width", width, 1],
		["columns", columns, 1],
		["scale", scale, 1],
		["gap", gap, 0],
	] as const) {
		if (!Number.isInteger(value) || value < least) {
			throw new ArgumentError(`image grid: ${name} ${value} is not an integer of ${least} or more`);
		}
	}
	if (images.length !== count * channels * height * width) {
		const shape = [count, channels, height, width].join(", ");
		throw new ShapeError(`image grid: shape [${shape}] does not hold the ${images.length} values given`);
	}
}

function drawGrid(places: readonly Cell[], { channels, height, width, ...options }: GridOptions): Uint8Array {
	const { gap = 4, scale = Math.max(1, Math.floor(64 / Math.max(height, width))) } = options;
	const columns = Math.min(options.columns, options.count);
	const drawn = channels < 3 ? 1 : 3;
	const gridWidth = columns * (width * scale + gap) + gap;
	const gridHeight = Math.ceil(places.length / columns) * (height * scale + gap) + gap;
	const background = drawn === 1 ? BACKGROUND_GREY : BACKGROUND;
	const data = Uint8Array.from({ length: gridWidth * gridHeight * drawn }, (_, i) => background[i % drawn]);
	places.forEach((image, place) => {
		if (image === undefined) return;
		const left = gap + (place % columns) * (width * scale + gap);
		const top = gap + Math.floor(place / columns) * (height * scale + gap);
		for (let y = 0; y < height * scale; y++) {
			for (let x = 0; x < width * scale; x++) {
				const from = Math.floor(y / scale) * width + Math.floor(x / scale);
				const to = ((top + y) * gridWidth + left + x) * drawn;
				for (let channel = 0; channel < drawn; channel++) data[to + channel] = image[channel * height * width + from];
			}
		}
	});
	return encode({ width: gridWidth, height: gridHeight, data, channels: drawn, depth: 8 });
}
