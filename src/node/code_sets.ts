import { batches, type ImageSet } from "../data/image_set.js";
import { gatherImages, packImages } from "../ops/images.js";
import { mseLoss } from "../ops/mse_loss.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Quantizer } from "../vqvae/quantizer.js";
import type { VQVAE } from "../vqvae/vqvae.js";
import { pixelShift } from "./pictures.js";

/** The grid of an image's codes, as a prior sees it. */
export interface CodeGrid {
	readonly height: number;
	/** Codes a row: the positions times the levels, which lie side by side. */
	readonly width: number;
	/** Codes a position, of which quantizers with several levels have more than one. */
	readonly levels: number;
}

/** Images as codes. */
export interface CodeSet {
	readonly grid: CodeGrid;
	readonly count: number;
	/** uint32 [count, height, width] of the grid */
	readonly codes: Uint32Array;
	/** [count], where the images have classes */
	readonly labels: Uint8Array | undefined;
	/** The mean squared error of the images that the codes give back, over the variance of the data. */
	readonly nmse: number;
}

const encodedAtOnce = 128;

/** The grid of codes [B, h, w] or [B, h, w, levels]. */
export function gridOf({ shape }: Tensor<"uint32">): CodeGrid {
	const [, height, width, levels = 1] = shape;
	return { height, width: width * levels, levels };
}

/** Codes as a prior has them → as the VQ-VAE does: [B, h, w] or [B, h, w, levels]. */
export function asModelCodes(codes: Tensor<"uint32">, levels: number): Tensor<"uint32"> {
	const [batch, height, width] = codes.shape;
	return codes.share(levels === 1 ? [batch, height, width] : [batch, height, width / levels, levels]);
}

/** Encodes all images, and measures what is lost by it; `progress` is told how many are done. */
export async function encodeSet(
	gpu: Gpu,
	model: VQVAE<Quantizer>,
	set: ImageSet,
	progress: (done: number) => void = () => undefined,
): Promise<CodeSet> {
	const { count, channels, height, width, pixels, labels } = set;
	const packed = packImages(gpu, pixels, [count, channels, height, width]);
	const parts: Uint32Array[] = [];
	let grid: CodeGrid | undefined;
	let error = 0;
	try {
		for (const indices of batches(count, encodedAtOnce)) {
			const { codes, loss } = gpu.scope(() => {
				const images = gatherImages(packed, gpu.tensor(indices, [indices.length]), { shift: pixelShift });
				const codes = model.encode(images);
				return { codes, loss: mseLoss(model.decode(codes), images, { scale: 1 / model.dataVariance }) };
			});
			grid ??= gridOf(codes);
			const [part, [mean]] = (await gpu.readAll([codes, loss])) as [Uint32Array, Float32Array];
			parts.push(part);
			error += (mean as number) * indices.length;
			for (const tensor of [codes, loss]) tensor.dispose();
			progress(parts.length === 1 ? indices.length : (parts.length - 1) * encodedAtOnce + indices.length);
		}
	} finally {
		packed.dispose();
	}
	const all = new Uint32Array(parts.reduce((size, part) => size + part.length, 0));
	let at = 0;
	for (const part of parts) {
		all.set(part, at);
		at += part.length;
	}
	return { grid: grid as CodeGrid, count, codes: all, labels, nmse: error / count };
}

/** The images of codes that a prior gave, as the decoder makes them: float32 [B, C, H, W]. */
export function decodeCodes(model: VQVAE<Quantizer>, codes: Tensor<"uint32">, levels: number): Tensor {
	return codes.gpu.scope(() => model.decode(asModelCodes(codes, levels)));
}
