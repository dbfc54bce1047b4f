import { type Shape, sizeOf } from "../../base/shape.js";
import type { Module } from "../../nn/module.js";
import { Layer } from "../../nn/module.js";
import { largestBatch } from "../../ops/variants.js";
import type { GatedPixelCNN } from "../../prior/gated_pixel_cnn.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import type { Gpu } from "../../tensor/tensor.js";
import type { VQVAE } from "../../vqvae/vqvae.js";

/** Images or grids in a batch at most: enough to keep a device busy. */
const most = 128;
/** The size of binding that every device supports. Larger layers would only use more memory. */
const enoughBytes = 2 ** 27;

/** The part of a device that decides the size of a batch. */
export type DeviceSize = Pick<Gpu, "variants"> & {
	readonly limits: Pick<GPUSupportedLimits, "maxStorageBufferBindingSize">;
};

/**
 * How many images a VQ-VAE takes in a batch: up to 128, of which the widest layer is at most 128 MiB, and which the device can
 * bind.
 */
export function imagesPerBatch(
	model: VQVAE<Quantizer>,
	{ height, width }: { readonly height: number; readonly width: number },
	device: DeviceSize = model.vqLayer.gpu,
): number {
	return perBatch(device, bytesOfImage(model, { height, width }), most);
}

/** The bytes of the widest activation of a VQ-VAE for one image. */
export function bytesOfImage(
	{ encoder, vqLayer, decoder, inChannels }: VQVAE<Quantizer>,
	{ height, width }: { readonly height: number; readonly width: number },
): number {
	const input = [1, inChannels, height, width];
	const latents = encoder.cost(input).output;
	const codes = vqLayer.cost(latents).output;
	return 4 * Math.max(sizeOf(input), widest(encoder, input), sizeOf(codes), widest(decoder, codes));
}

/** The most elements of the output of a layer, or of a layer inside it. */
function widest(layer: Module, input: Shape): number {
	const { output } = layer.cost(input);
	let elements = sizeOf(output);
	let shape = input;
	for (const [, child] of layer.children()) {
		if (!(child instanceof Layer)) continue;
		elements = Math.max(elements, widest(child, shape));
		shape = child.cost(shape).output;
	}
	return elements;
}

/** How many grids of codes a prior takes in a batch, by the same rule; up to `limit`. */
export function gridsPerBatch(prior: PriorSizes, device: DeviceSize, limit = most): number {
	return perBatch(device, bytesOfGrid(prior), limit);
}

type PriorSizes = Pick<GatedPixelCNN, "height" | "width" | "channels" | "numEmbeddings">;

/** The bytes of the widest activation of a prior for one grid: the sums of both stacks, or the logits. */
export function bytesOfGrid({ height, width, channels, numEmbeddings }: PriorSizes): number {
	return 4 * height * width * Math.max(numEmbeddings, 4 * channels);
}

/** The most images whose widest layer fits. */
function perBatch({ variants, limits }: DeviceSize, bytesOfOne: number, limit: number): number {
	const fitting = Math.min(limit, Math.floor(Math.min(enoughBytes, limits.maxStorageBufferBindingSize) / bytesOfOne));
	return largestBatch(variants, Math.max(1, fitting), bytesOfOne);
}
