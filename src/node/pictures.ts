import type { ImageSet } from "../data/image_set.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Quantizer } from "../vqvae/quantizer.js";
import type { VQVAE } from "../vqvae/vqvae.js";
import { imagesAtOnce } from "./at_once.js";
import { joined } from "./image_files.js";

/** What is added to a pixel between 0 and 1 to get the network's input, as in the design's training. */
export const pixelShift = -0.5;

/** Images of bytes → the network's float32 input. */
export function toNetwork(pixels: Uint8Array): Float32Array {
	return Float32Array.from(pixels, (byte) => byte / 255 + pixelShift);
}

/** The network's output → bytes, rounded and clamped. */
export function toBytes(values: ArrayLike<number>): Uint8Array {
	return Uint8Array.from(values, (value) => Math.min(255, Math.max(0, Math.round((value - pixelShift) * 255))));
}

/** What the model makes of a set of images, as bytes. */
export async function reconstructImages(gpu: Gpu, model: VQVAE<Quantizer>, set: ImageSet): Promise<Uint8Array> {
	const size = set.channels * set.height * set.width;
	const together = imagesAtOnce(set);
	const parts: Uint8Array[] = [];
	for (let first = 0; first < set.count; first += together) {
		const end = Math.min(first + together, set.count);
		const reconstruction = gpu.scope(() => {
			const pixels = toNetwork(set.pixels.subarray(first * size, end * size));
			return model.reconstruct(gpu.tensor(pixels, [end - first, set.channels, set.height, set.width]));
		});
		parts.push(toBytes(await reconstruction.data()));
		reconstruction.dispose();
	}
	return joined(parts);
}
