import type { Image } from "./read_image.js";

/** The image with its last row and column repeated until both lengths are divisible by 4. */
export function paddedToFour(image: Image): Image {
	return resample(image, roundedToFour(image.height), roundedToFour(image.width));
}

/** The least number that is divisible by 4 and not below. */
export function roundedToFour(length: number): number {
	return 4 * Math.ceil(length / 4);
}

/** The image's top left part of this size; what lies outside repeats the last row and column. */
export function resample(image: Image, height: number, width: number): Image {
	if (image.height === height && image.width === width) return image;
	const pixels = new Uint8Array(image.channels * height * width);
	let at = 0;
	for (let channel = 0; channel < image.channels; channel++)
		for (let y = 0; y < height; y++)
			for (let x = 0; x < width; x++) {
				const from = channel * image.height + Math.min(y, image.height - 1);
				pixels[at++] = image.pixels[from * image.width + Math.min(x, image.width - 1)];
			}
	return { ...image, height, width, pixels };
}
