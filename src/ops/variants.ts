import { type Shape, sizeOf } from "../base/shape.js";
import type { Variants } from "../gpu/variant.js";
import { blockSize, blocksOf, toBlocked } from "../tensor/layout.js";
import type { Tensor } from "../tensor/tensor.js";

/** From so many bytes on an image is large: 3 channels of 128 × 128 numbers. */
const largeImage = 3 * 2 ** 16;

/**
 * Whether the blocked kernels compute a batch: they are faster from 4 images on, or from 6 if the images are
 * large (docs/decisions.md, 77).
 *
 * @param bytes of an image in the larger of the operation's tensors
 */
function isBlocked(batch: number, bytes: number): boolean {
	return batch >= (bytes < largeImage ? 4 : 6);
}

/**
 * The variants of a kernel to choose from for a batch of images.
 *
 * @param other the shape of the other tensor of images, if the operation has two
 */
export function variantsForBatch(x: Tensor, other = x.shape): Variants {
	const [batch] = x.shape;
	return isBlocked(batch, (4 * Math.max(x.size, sizeOf(other))) / batch) ? x.gpu.variants : withoutBlocked(x);
}

/** A device's variants for an operation that has no blocked kernels. */
export function withoutBlocked({ gpu }: Tensor): Variants {
	const [first = "portable", ...others] = gpu.variants.filter((variant) => variant !== "blocked");
	return [first, ...others];
}

/**
 * For how many images a batch needs memory: a batch that may be blocked needs it for whole blocks.
 *
 * @param bytes of an image in the widest layer
 */
export function imagesInMemory(variants: Variants, batch: number, bytes: number): number {
	return variants.includes("blocked") && isBlocked(batch, bytes) ? blocksOf(batch) * blockSize : batch;
}

/** The largest batch that needs memory for at most so many images of so many bytes each. */
export function largestBatch(variants: Variants, images: number, bytes: number): number {
	let batch = images;
	while (imagesInMemory(variants, batch, bytes) > images) batch--;
	return batch;
}

/**
 * x, or a copy in the layout that the preferred variant reads; for a tensor that several kernels will read.
 *
 * @param other the shape of the operation's other tensor of images
 */
export function inPreferredLayout(x: Tensor, other: Shape): Tensor {
	if (x.layout === "blocked" || variantsForBatch(x, other)[0] !== "blocked") return x;
	const copy = x.gpu.empty(x.shape, "float32", "blocked");
	toBlocked(x.gpu, x.memory(), x.shape, copy.memory("blocked"));
	return copy;
}
