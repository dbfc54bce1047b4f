import type { ImageSet } from "../../data/image_set.js";
import { notFinite } from "../../nn/diverged.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import type { Gpu } from "../../tensor/tensor.js";
import type { VQVAE } from "../../vqvae/vqvae.js";
import { imagesPerBatch } from "./batch_sizes.js";
import { needsTiles, reconstructInTiles } from "./tiles.js";

/** Added to a pixel between 0 and 1 to get the network's input: −0.5 … 0.5. */
export const pixelShift = -0.5;

/** Images of bytes → the network's float32 input. */
export function toNetwork(pixels: Uint8Array): Float32Array {
	return Float32Array.from(pixels, (byte) => byte / 255 + pixelShift);
}

/**
 * The network's output → bytes, rounded and clamped.
 *
 * @throws DivergenceError if a value is NaN or infinite
 */
export function toBytes(values: Float32Array): Uint8Array {
	return Uint8Array.from(values, (value) => {
		if (!Number.isFinite(value)) throw notFinite("The model", "value of a pixel", value);
		return Math.min(255, Math.max(0, Math.round((value - pixelShift) * 255)));
	});
}

/** The model's reconstructions of images, as bytes. An image whose layers the device cannot bind is computed in tiles. */
export async function reconstructImages(gpu: Gpu, model: VQVAE<Quantizer>, set: ImageSet): Promise<Uint8Array> {
	const { count, channels, height, width } = set;
	const size = channels * height * width;
	const reconstruct = async (pixels: Uint8Array, rows: number, columns: number): Promise<Uint8Array> => {
		const shape = [pixels.length / (channels * rows * columns), channels, rows, columns];
		const reconstruction = gpu.scope(() => model.reconstruct(gpu.tensor(toNetwork(pixels), shape)));
		const bytes = toBytes(await reconstruction.data());
		reconstruction.dispose();
		return bytes;
	};
	const inTiles = needsTiles(model, set);
	const together = inTiles ? 1 : imagesPerBatch(model, set);
	const parts: Uint8Array[] = [];
	for (let first = 0; first < count; first += together) {
		const pixels = set.pixels.subarray(first * size, Math.min(first + together, count) * size);
		parts.push(
			inTiles
				? await reconstructInTiles(model, { ...set, pixels }, reconstruct)
				: await reconstruct(pixels, height, width),
		);
	}
	return joined(parts);
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
