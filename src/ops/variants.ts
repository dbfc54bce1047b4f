import type { Variants } from "../gpu/variant.js";
import { blockSize, blocksOf, toBlocked } from "../tensor/layout.js";
import type { Tensor } from "../tensor/tensor.js";

/** The smallest batch for which the blocked kernels are faster, although its images do not fill a block. */
const leastBlockedBatch = 4;

/** The variants of a kernel to choose from for a batch of images. */
export function variantsForBatch(x: Tensor): Variants {
	return x.shape[0] >= leastBlockedBatch ? x.gpu.variants : withoutBlocked(x);
}

/** A device's variants for an operation that has no blocked kernels. */
export function withoutBlocked({ gpu }: Tensor): Variants {
	const [first = "portable", ...others] = gpu.variants.filter((variant) => variant !== "blocked");
	return [first, ...others];
}

/** For how many images a batch needs memory: a batch that may be blocked needs it for whole blocks. */
export function imagesInMemory(variants: Variants, batch: number): number {
	return variants.includes("blocked") && batch >= leastBlockedBatch ? blocksOf(batch) * blockSize : batch;
}

/** The largest batch that needs memory for at most so many images. */
export function largestBatch(variants: Variants, images: number): number {
	if (!variants.includes("blocked")) return images;
	return images < blockSize ? Math.min(images, leastBlockedBatch - 1) : images - (images % blockSize);
}

/** x, or a copy in the layout that the preferred variant reads; for a tensor that several kernels will read. */
export function inPreferredLayout(x: Tensor): Tensor {
	if (x.layout === "blocked" || variantsForBatch(x)[0] !== "blocked") return x;
	const copy = x.gpu.empty(x.shape, "float32", "blocked");
	toBlocked(x.gpu, x.memory(), x.shape, copy.memory("blocked"));
	return copy;
}
