import { type Shape, sizeOf } from "../base/shape.js";
import type { Device } from "../gpu/device.js";
import type { Storage } from "../gpu/storage.js";

/**
 * How the elements of a tensor lie in memory.
 *
 * - "contiguous": row-major, as torch.contiguous_format.
 * - "blocked": of [N, C, H, W], 16 images next to each other, [⌈N / 16⌉, H, W, C, 16]. What the images that
 *   fill up the last block hold has no meaning; in a gradient it is 0. The variant of the kernels for
 *   adapters that compute on the CPU reads and writes it (kernels/*.blocked.wgsl).
 */
export type Layout = "contiguous" | "blocked";

export const layoutNames = ["contiguous", "blocked"] as const satisfies readonly Layout[];

/** Images of a block. */
export const blockSize = 16;

/** Blocks of a batch. */
export function blocksOf(batch: number): number {
	return Math.ceil(batch / blockSize);
}

/** 32-bit words that a tensor takes. */
export function wordsOf(shape: Shape, layout: Layout): number {
	return layout === "contiguous" ? sizeOf(shape) : blocksOf(shape[0]) * blockSize * sizeOf(shape.slice(1));
}

/** Sizes as block_images.wgsl and unblock_images.wgsl take them. */
function imageSizes([images, channels, ...plane]: Shape): { images: number; channels: number; plane: number } {
	return { images, channels, plane: sizeOf(plane) };
}

/**
 * Copies images into blocks, as many as these hold.
 *
 * @param contiguous of the given shape
 * @param first the number of the first image
 */
export function toBlocked(device: Device, contiguous: Storage, shape: Shape, blocked: Storage, first = 0): void {
	device.launch(device.blockedKernels.blockImages, {
		bindings: [contiguous, blocked],
		uniforms: { ...imageSizes(shape), first },
		workgroups: Math.ceil(blocked.bytes / (4 * blockSize * 64)),
	});
}

/** Contiguous memory with the images of blocked memory; the caller frees it. */
export function toContiguous(device: Device, blocked: Storage, shape: Shape): Storage {
	const contiguous = device.allocate(4 * sizeOf(shape));
	device.launch(device.blockedKernels.unblockImages, {
		bindings: [blocked, contiguous],
		uniforms: imageSizes(shape),
		workgroups: Math.ceil(wordsOf(shape, "blocked") / 256),
	});
	return contiguous;
}
