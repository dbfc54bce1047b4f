import { encode } from "fast-png";
import { checkNumber } from "../../base/arguments.js";
import { ShapeError } from "../../base/errors.js";

/** What `imageGrid` and `reconstructionGrid` lay out. */
export interface GridOptions {
	/** [count, channels, height, width], 0 … 255. Of 2 channels the first is drawn, of 4 or more the first 3. */
	readonly images: Uint8Array;
	readonly count: number;
	readonly channels: number;
	readonly height: number;
	readonly width: number;
	/** Images per row. */
	readonly columns: number;
	/** The side of the square that each pixel becomes; by default the largest that keeps an image within 64 × 64 pixels. */
	readonly scale?: number;
	/** Space between and around the images, in pixels of the result; 4 by default. */
	readonly gap?: number;
}

/** A dark grey on which black, white and coloured images can be seen. */
const background = [58, 62, 70];
const greyBackground = [62];

/**
 * Lays images out in rows, as PNG bytes. The last row may be short.
 *
 * @throws ShapeError if `images` does not hold `count` images of that shape, ArgumentError if a number is out of range
 */
export function imageGrid(options: GridOptions): Uint8Array {
	checkGrid("imageGrid", options);
	return drawGrid(cells(options.images, options.count), options);
}

/**
 * Lays out images and their reconstructions, as PNG bytes: each row of originals is above its reconstructions.
 *
 * @param options as for `imageGrid`, with the originals as `images`
 * @param reconstructions as many images, in the same layout
 * @throws ShapeError if the two differ in length, and as `imageGrid` does
 */
export function reconstructionGrid(options: GridOptions, reconstructions: Uint8Array): Uint8Array {
	checkGrid("reconstructionGrid", options);
	const { images, count, columns } = options;
	if (reconstructions.length !== images.length)
		throw new ShapeError(
			`reconstructionGrid: reconstructions must have the ${images.length} values that the images have, but there are ${reconstructions.length}.`,
		);
	const above = cells(images, count);
	const below = cells(reconstructions, count);
	const perRow = Math.min(columns, count);
	const rows: Cell[] = [];
	for (let start = 0; start < count; start += perRow) {
		// A short last row is filled with empty places. Otherwise its reconstructions would be on the same line.
		const missing: Cell[] = new Array(Math.max(0, start + perRow - count)).fill(undefined);
		rows.push(...above.slice(start, start + perRow), ...missing, ...below.slice(start, start + perRow), ...missing);
	}
	return drawGrid(rows, options);
}

/** The values of one image; undefined for an empty place. */
type Cell = Uint8Array | undefined;

function cells(images: Uint8Array, count: number): Cell[] {
	const size = images.length / count;
	return Array.from({ length: count }, (_, i) => images.subarray(i * size, (i + 1) * size));
}

function checkGrid(caller: string, options: GridOptions): void {
	const { images, count, channels, height, width, columns, scale = 1, gap = 0 } = options;
	for (const [name, value] of Object.entries({ count, channels, height, width, columns, scale }))
		checkNumber(caller, name, value, { least: 1, whole: true });
	checkNumber(caller, "gap", gap, { least: 0, whole: true });
	if (images.length !== count * channels * height * width)
		throw new ShapeError(
			`${caller}: images must have the values of shape [${[count, channels, height, width].join(", ")}], but there are ${images.length}.`,
		);
}

function drawGrid(places: readonly Cell[], { channels, height, width, ...options }: GridOptions): Uint8Array {
	const { gap = 4, scale = Math.max(1, Math.floor(64 / Math.max(height, width))) } = options;
	const columns = Math.min(options.columns, options.count);
	const drawn = channels < 3 ? 1 : 3;
	const gridWidth = columns * (width * scale + gap) + gap;
	const gridHeight = Math.ceil(places.length / columns) * (height * scale + gap) + gap;
	const colour = drawn === 1 ? greyBackground : background;
	const data = Uint8Array.from({ length: gridWidth * gridHeight * drawn }, (_, i) => colour[i % drawn]);
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
