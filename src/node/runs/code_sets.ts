import { notFinite } from "../../nn/diverged.js";
import { mseLoss } from "../../ops/mse_loss.js";
import type { Quantizer } from "../../quantizers/quantizer.js";
import type { Gpu, Tensor } from "../../tensor/tensor.js";
import type { VQVAE } from "../../vqvae/vqvae.js";
import { imagesPerBatch } from "../images/batch_sizes.js";
import type { ImageSource } from "../images/image_source.js";
import { type MakeBatch, NetworkImages } from "./network_images.js";

/** The shape of an image's codes as a prior has them. */
export interface CodeGrid {
	readonly height: number;
	/** Codes per row: positions times levels. The levels of a position are consecutive. */
	readonly width: number;
	/** Codes per position; a residual quantizer has several. */
	readonly levels: number;
}

/** Images as codes. */
export interface CodeSet {
	readonly grid: CodeGrid;
	readonly count: number;
	/** uint32 [count, height, width] of the grid */
	readonly codes: Uint32Array;
	/** [count], if the images have classes */
	readonly labels: Uint8Array | undefined;
}

/** The grid of codes [B, h, w] or [B, h, w, levels]. */
export function gridOf({ shape }: Tensor<"uint32">): CodeGrid {
	const [, height, width, levels = 1] = shape;
	return { height, width: width * levels, levels };
}

/** Codes of a prior → codes of the VQ-VAE: [B, h, w] or [B, h, w, levels]. */
export function asModelCodes(codes: Tensor<"uint32">, levels: number): Tensor<"uint32"> {
	const [batch, height, width] = codes.shape;
	return codes.share(levels === 1 ? [batch, height, width] : [batch, height, width / levels, levels]);
}

/** Encodes all images; `progress` is called with the number that are done. */
export async function encodeSet(
	gpu: Gpu,
	model: VQVAE<Quantizer>,
	set: ImageSource,
	progress: (done: number) => void = () => undefined,
): Promise<CodeSet> {
	let grid: CodeGrid | undefined;
	let all = new Uint32Array();
	let done = 0;
	await forEachBatch(gpu, model, set, async (batch) => {
		const codes = gpu.scope(() => model.encode(batch()));
		const size = codes.size / codes.shape[0];
		if (grid === undefined) {
			grid = gridOf(codes);
			all = new Uint32Array(set.count * size);
		}
		all.set(await codes.data(), done * size);
		done += codes.shape[0];
		codes.dispose();
		progress(done);
	});
	return { grid: grid as CodeGrid, count: set.count, codes: all, labels: set.labels };
}

/**
 * The mean squared error of a model's reconstructions, over the variance of its training images.
 *
 * @throws DivergenceError if it is not finite
 */
export async function reconstructionError(gpu: Gpu, model: VQVAE<Quantizer>, set: ImageSource): Promise<number> {
	let error = 0;
	await forEachBatch(gpu, model, set, async (batch) => {
		const { loss, count } = gpu.scope(() => {
			const images = batch();
			const loss = mseLoss(model.reconstruct(images), images, { scale: 1 / model.dataVariance });
			return { loss, count: images.shape[0] as number };
		});
		error += (await loss.item()) * count;
		loss.dispose();
	});
	const nmse = error / set.count;
	if (!Number.isFinite(nmse)) throw notFinite("The model", "reconstruction error", nmse);
	return nmse;
}

/** Calls `use` for each batch of images, with a function that makes the network's input. */
async function forEachBatch(
	gpu: Gpu,
	model: VQVAE<Quantizer>,
	set: ImageSource,
	use: (batch: MakeBatch) => Promise<void>,
): Promise<void> {
	const images = new NetworkImages(gpu, set);
	try {
		for await (const batch of images.all(imagesPerBatch(model, set))) await use(batch);
	} finally {
		images.dispose();
	}
}

/** Decodes codes of a prior: float32 [B, C, H, W]. */
export function decodeCodes(model: VQVAE<Quantizer>, codes: Tensor<"uint32">, levels: number): Tensor {
	return codes.gpu.scope(() => model.decode(asModelCodes(codes, levels)));
}
