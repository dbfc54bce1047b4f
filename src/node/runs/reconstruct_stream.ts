import type { Quantizer } from "../../quantizers/quantizer.js";
import type { Gpu } from "../../tensor/tensor.js";
import type { VQVAE } from "../../vqvae/vqvae.js";
import { joined, reconstructImages } from "../images/pictures.js";
import type { Image } from "../images/read_image.js";
import { paddedToFour, resample } from "../images/resample.js";
import type { ImageBatch } from "./image_stream.js";

/** An image and what the model makes of it. */
export interface Reconstructed {
	readonly name: string;
	readonly original: Image;
	readonly reconstruction: Image;
}

/**
 * Reconstructs a stream of images of any size. Sides that are not divisible by 4 are padded with their last row or column, and
 * the reconstruction is cropped.
 */
export async function* reconstructStream(
	gpu: Gpu,
	model: VQVAE<Quantizer>,
	batches: AsyncIterable<ImageBatch>,
): AsyncGenerator<Reconstructed, void, undefined> {
	for await (const { count, channels, height, width, pixels, names } of batches) {
		const imagesOf = (all: Uint8Array, size: { readonly height: number; readonly width: number }): Image[] => {
			const length = channels * size.height * size.width;
			return Array.from({ length: count }, (_, i) => ({
				channels,
				height: size.height,
				width: size.width,
				pixels: all.subarray(i * length, (i + 1) * length),
			}));
		};
		const originals = imagesOf(pixels, { height, width });
		const padded = originals.map(paddedToFour);
		const size = { height: padded[0].height, width: padded[0].width };
		const set = { name: "images", count, channels, ...size, pixels: joined(padded.map(({ pixels }) => pixels)) };
		const results = imagesOf(await reconstructImages(gpu, model, set), size);
		for (const [i, original] of originals.entries())
			yield { name: names[i], original, reconstruction: resample(results[i], height, width) };
	}
}
