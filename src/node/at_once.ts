import { blockSize } from "../ops/blocked.js";
import type { GatedPixelCNN } from "../prior/gated_pixel_cnn.js";

/** Enough to fill a device. */
const most = 128;
/** What every device binds. */
const bytes = 2 ** 27;
/** So many images take no more memory than they need; more may be laid out in whole blocks. */
const unblocked = 3;
/** Of the widest layer of a VQ-VAE for a pixel of the image: the decoder's 32 channels. */
const bytesPerPixel = 32 * 4;

/** How many images a VQ-VAE takes at once: as many as its layers have memory for, up to 128. */
export function imagesAtOnce({ height, width }: { readonly height: number; readonly width: number }): number {
	return atOnce(height * width * bytesPerPixel);
}

/** How many grids of codes a prior takes at once: as many as its layers have memory for, up to `limit`. */
export function gridsAtOnce(
	{ height, width, channels, numEmbeddings }: Pick<GatedPixelCNN, "height" | "width" | "channels" | "numEmbeddings">,
	limit = most,
): number {
	return atOnce(height * width * Math.max(numEmbeddings, 4 * channels) * 4, limit);
}

function atOnce(bytesOfOne: number, limit = most): number {
	const fitting = Math.min(limit, Math.floor(bytes / bytesOfOne));
	if (fitting < blockSize) return Math.min(unblocked, Math.max(1, fitting));
	return fitting - (fitting % blockSize);
}
