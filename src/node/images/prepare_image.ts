import { wrongArgument } from "../../base/arguments.js";
import { ShapeError } from "../../base/errors.js";
import { centre, copyView } from "./image_source.js";
import type { Colour } from "./png.js";
import { type Image, readImage, withChannels } from "./read_image.js";

/** How image files become the model's input. */
export interface Preparation {
	/**
	 * The side of the square that is cut out of the middle, after the shorter side was scaled to it; undefined if images stay as they
	 * are.
	 */
	readonly size: number | undefined;
	readonly channels: 1 | 3;
	/** What transparent pixels are composited over: "#rrggbb". */
	readonly background: string;
}

/** @throws ArgumentError unless it is "black", "white" or "#rrggbb" */
export function colourOf(caller: string, name: string, text: string): Colour {
	const digits = text === "black" ? "000000" : text === "white" ? "ffffff" : /^#([0-9a-f]{6})$/i.exec(text)?.[1];
	if (digits === undefined) throw wrongArgument(caller, name, 'black, white or a colour such as "#8090a0"', text);
	const value = Number.parseInt(digits, 16);
	return [value >> 16, (value >> 8) & 255, value & 255];
}

/**
 * Reads an image file and prepares it for a model.
 *
 * @throws FormatError, LimitError or DataError naming the file, as `readImage` does; ShapeError if it has no `size` and a side is not
 * divisible by 4
 */
export async function readPrepared(path: string, { size, channels, background }: Preparation): Promise<Image> {
	const colour = colourOf("readPrepared", "background", background);
	const image = withChannels(await readImage(path, { background: colour, shorterSide: size }), channels);
	if (size !== undefined) return cropped(image, size);
	checkDivisible(path, image);
	return image;
}

/** @throws ShapeError naming the image unless both sides are divisible by 4 */
export function checkDivisible(path: string, { width, height }: Pick<Image, "width" | "height">): void {
	if (width % 4 !== 0 || height % 4 !== 0)
		throw new ShapeError(
			`"${path}" is ${width} × ${height}, but width and height must be divisible by 4: give --size to scale and crop images.`,
		);
}

/** The square of this side in the middle of an image. */
export function cropped(image: Image, side: number): Image {
	const { channels, width, height, pixels } = image;
	if (width === side && height === side) return image;
	const cut = new Uint8Array(channels * side * side);
	copyView(pixels, image, centre, cut, { height: side, width: side });
	return { channels, width: side, height: side, pixels: cut };
}
