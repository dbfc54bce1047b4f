import { LimitError } from "../../base/errors.js";
import type { ImageSet } from "../../data/image_set.js";
import { Conv2d, ConvTranspose2d } from "../../nn/convolutions.js";
import type { Layer } from "../../nn/module.js";
import { pair } from "../../ops/check.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import { Stack } from "../../vqvae/stack.js";
import type { VQVAE } from "../../vqvae/vqvae.js";
import { bytesOfImage } from "./batch_sizes.js";

/** Pixels per code in each direction. */
const codePixels = 4;
/** The widest layer of a tile: enough to keep a device busy. */
const enoughBytes = 2 ** 27;

/** Positions from the first to the last, both inclusive. */
interface Interval {
	readonly first: number;
	readonly last: number;
}

/** The inputs along one axis, padding included, that these outputs of consecutive layers depend on. */
function inputsOf(layers: readonly Layer[], { first, last }: Interval): Interval {
	return layers.reduceRight<Interval>(
		(output, layer) => {
			if (layer instanceof Stack) return inputsOf(layer.convs.layers, output);
			if (!(layer instanceof Conv2d || layer instanceof ConvTranspose2d)) return output;
			const { stride = 1, padding = 0 } = layer.options;
			const [step] = pair("stride", "stride", stride, 1);
			const [before] = pair("padding", "padding", padding, 0);
			const taps = layer.weight.shape[2];
			if (layer instanceof Conv2d)
				return { first: output.first * step - before, last: output.last * step - before + taps - 1 };
			return {
				first: Math.ceil((output.first + before - taps + 1) / step),
				last: Math.floor((output.last + before) / step),
			};
		},
		{ first, last },
	);
}

/** How many codes before and after a code its decoded pixels depend on, including those whose pixels it is encoded from. */
export function reachOf({ encoder, decoder }: VQVAE<Quantizer>): { readonly before: number; readonly after: number } {
	const codes = inputsOf([decoder], { first: 0, last: codePixels - 1 });
	const pixels = inputsOf([encoder], codes);
	return {
		before: Math.ceil(-pixels.first / codePixels),
		after: Math.ceil((pixels.last + 1) / codePixels) - 1,
	};
}

/** The side of a square image in codes whose widest layer the device can bind and that keeps it busy. */
export function tileSide(model: VQVAE<Quantizer>): number {
	const bytes = Math.min(model.vqLayer.gpu.bindableBytes, enoughBytes);
	return Math.floor(Math.sqrt(bytes / bytesOfImage(model, { height: codePixels, width: codePixels })));
}

/** Whether a layer of one image is larger than the device can bind. */
export function needsTiles(model: VQVAE<Quantizer>, { height, width }: Pick<ImageSet, "height" | "width">): boolean {
	return bytesOfImage(model, { height, width }) > model.vqLayer.gpu.bindableBytes;
}

/**
 * Reconstructs one image in tiles of whole codes. The network is convolutional, so a tile together with the surroundings that
 * its codes depend on gives the same pixels as the whole image.
 *
 * @param image height and width divisible by 4
 * @param reconstruct reconstructs an image of this height and width, as bytes
 * @param side the side of the largest region that is computed at once, in codes
 * @returns bytes [channels, height, width]
 * @throws LimitError if no tile fits
 */
export async function reconstructInTiles(
	model: VQVAE<Quantizer>,
	image: Pick<ImageSet, "channels" | "height" | "width" | "pixels">,
	reconstruct: (pixels: Uint8Array, height: number, width: number) => Promise<Uint8Array>,
	side = tileSide(model),
): Promise<Uint8Array> {
	const { channels, height, width, pixels } = image;
	const { before, after } = reachOf(model);
	const step = side - before - after;
	if (step < 1)
		throw new LimitError(
			`An image of ${width} × ${height} is too large for this device, also in tiles: a tile needs ${before + after} codes around it, but the device binds layers of at most ${side} × ${side} codes. Scale the image down, or choose a smaller model.`,
		);
	const result = new Uint8Array(channels * height * width);
	for (const rows of spans(height / codePixels, step, before, after))
		for (const columns of spans(width / codePixels, step, before, after)) {
			const region = cut(pixels, channels, height, width, rows.region, columns.region);
			const tile = await reconstruct(region, rows.region.length, columns.region.length);
			for (let channel = 0; channel < channels; channel++)
				for (let y = 0; y < rows.tile.length; y++) {
					const row = channel * rows.region.length + rows.tile.start - rows.region.start + y;
					const from = row * columns.region.length + columns.tile.start - columns.region.start;
					const to = (channel * height + rows.tile.start + y) * width + columns.tile.start;
					result.set(tile.subarray(from, from + columns.tile.length), to);
				}
		}
	return result;
}

/** Pixels along one axis. */
interface Span {
	readonly start: number;
	readonly length: number;
}

/** The tiles along an axis of so many codes, each within the region that it is computed from. */
function spans(codes: number, step: number, before: number, after: number): { tile: Span; region: Span }[] {
	const span = (first: number, end: number): Span => ({
		start: first * codePixels,
		length: (end - first) * codePixels,
	});
	return Array.from({ length: Math.ceil(codes / step) }, (_, i) => {
		const [first, end] = [i * step, Math.min(codes, (i + 1) * step)];
		return { tile: span(first, end), region: span(Math.max(0, first - before), Math.min(codes, end + after)) };
	});
}

/** A part of an image's planes. */
function cut(
	pixels: Uint8Array,
	channels: number,
	height: number,
	width: number,
	rows: Span,
	columns: Span,
): Uint8Array {
	const part = new Uint8Array(channels * rows.length * columns.length);
	let at = 0;
	for (let channel = 0; channel < channels; channel++)
		for (let y = 0; y < rows.length; y++) {
			const from = (channel * height + rows.start + y) * width + columns.start;
			part.set(pixels.subarray(from, from + columns.length), at);
			at += columns.length;
		}
	return part;
}
