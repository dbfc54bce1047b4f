import { type Shape, sizeOf } from "../base/shape.js";
import type { Storage } from "../gpu/storage.js";
import type { Variants } from "../gpu/variant.js";
import type { Gpu } from "../tensor/gpu.js";
import { Tensor } from "../tensor/tensor.js";
import { launchElements } from "./launch.js";

/** Images that lie side by side in a blocked tensor, see kernels/block_images.wgsl. */
export const blockSize = 16;

/** Blocks that a batch takes. */
export function blocksOf(batch: number): number {
	return Math.ceil(batch / blockSize);
}

/** The smallest batch for which the kernels on blocked tensors pay, although images fill up the last block. */
const leastBatch = 4;

/** The kernels among which there is a choice for a batch of images. */
export function variantsOf({ gpu, shape }: Tensor): Variants {
	return shape[0] >= leastBatch ? gpu.variants : ["portable"];
}

function words(shape: Shape): number {
	return blocksOf(shape[0]) * blockSize * sizeOf(shape.slice(1));
}

/** The first fields of `Sizes` in kernels/block_images.wgsl and unblock_images.wgsl. */
function sizes([batch, channels, ...plane]: Shape): number[] {
	return [batch, channels, sizeOf(plane)];
}

/** A blocked tensor of shape [N, C, H, W], whose elements are yet to be written. */
export function emptyBlocked(gpu: Gpu, shape: Shape): { readonly tensor: Tensor; readonly storage: Storage } {
	const storage = gpu.allocate(4 * words(shape));
	const toRowMajor = (blocked: Storage) => {
		const rowMajor = gpu.allocate(4 * sizeOf(shape));
		gpu.launch(gpu.blockedKernels.unblockImages, {
			bindings: [blocked, rowMajor, gpu.uniform(Uint32Array.of(...sizes(shape)))],
			workgroups: Math.ceil(words(shape) / 256),
		});
		return rowMajor;
	};
	return { storage, tensor: new Tensor(gpu, { storage, toRowMajor }, [...shape], "float32") };
}

/** The blocked form of x [N, C, H, W]: its own, or one that is made here and ends with the scope that is open. */
export function blockedStorage(x: Tensor): Storage {
	if (x.blocked !== null) return x.blocked;
	const { storage } = x.gpu.empty([words(x.shape)]);
	block(x, storage, 0);
	return storage;
}

/** Writes the images of x from `first` on to a blocked buffer, as many as fit. */
export function block(x: Tensor, storage: Storage, first: number): void {
	const scalars = x.gpu.uniform(Uint32Array.of(...sizes(x.shape), first));
	launchElements(x.gpu.blockedKernels.blockImages, storage.bytes / 64, [x, storage, scalars]);
}

/** x, or the same in blocked form where several kernels are going to read it so. */
export function asBlocked(x: Tensor): Tensor {
	if (x.blocked !== null || variantsOf(x)[0] !== "blocked") return x;
	const { tensor, storage } = emptyBlocked(x.gpu, x.shape);
	block(x, storage, 0);
	return tensor;
}
