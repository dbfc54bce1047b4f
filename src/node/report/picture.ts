import { imageGrid } from "../images/image_grid.js";
import type { Picture } from "./report_types.js";

/** The sizes of an image. */
export interface ImageSize {
	readonly channels: number;
	readonly height: number;
	readonly width: number;
}

/** An image with `by` times fewer rows and columns, each value the mean of a square; a rest at the right and the bottom is cut off. */
export function shrink(image: Uint8Array, { channels, height, width }: ImageSize, by: number): Uint8Array {
	if (by === 1) return image;
	const rows = Math.floor(height / by);
	const columns = Math.floor(width / by);
	const small = new Uint8Array(channels * rows * columns);
	for (let channel = 0; channel < channels; channel++)
		for (let row = 0; row < rows; row++)
			for (let column = 0; column < columns; column++) {
				let sum = 0;
				for (let y = row * by; y < (row + 1) * by; y++)
					for (let x = column * by; x < (column + 1) * by; x++)
						sum += image[(channel * height + y) * width + x] as number;
				small[(channel * rows + row) * columns + column] = Math.round(sum / by ** 2);
			}
	return small;
}

/** An image as a picture with `by` times fewer rows and columns. */
export function pictureOf(image: Uint8Array, size: ImageSize, by = 1): Picture {
	const { channels } = size;
	const height = Math.floor(size.height / by);
	const width = Math.floor(size.width / by);
	const images = shrink(image, size, by);
	return asPicture(
		imageGrid({ images, count: 1, channels, height, width, columns: 1, scale: 1, gap: 0 }),
		height,
		width,
	);
}

/** Images next to each other without gaps, `columns` in a row. */
export function spriteOf(images: Uint8Array, count: number, size: ImageSize, columns: number): Picture {
	const inRow = Math.min(columns, count);
	const png = imageGrid({ images, count, ...size, columns: inRow, scale: 1, gap: 0 });
	return asPicture(png, Math.ceil(count / inRow) * size.height, inRow * size.width);
}

function asPicture(png: Uint8Array, height: number, width: number): Picture {
	return { png: Buffer.from(png).toString("base64"), width, height };
}
