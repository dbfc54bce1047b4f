import crossEntropyBlockedKernel from "../../kernels/cross_entropy.blocked.wgsl";
import crossEntropyGradBlockedKernel from "../../kernels/cross_entropy_grad.blocked.wgsl";
import { record } from "../autograd/tape.js";
import { sameShape, sizeOf } from "../base/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { blockedStorage, blockSize, blocksOf, emptyBlocked } from "./blocked.js";
import { crossEntropy } from "./cross_entropy.js";
import { launchElements } from "./launch.js";
import { sumOver } from "./sum.js";

/**
 * `crossEntropy` of the codes of grids, which takes the logits of a convolution as it left them: in blocks of images, where it
 * did, they are neither laid out anew nor are their probabilities stored.
 *
 * @param logits float32 [B, K, h, w]
 * @param codes uint32 [B, h, w]
 * @returns a scalar
 * @throws ShapeError, DTypeError, DeviceMismatchError
 */
export function codeCrossEntropy(logits: Tensor, codes: Tensor<"uint32">): Tensor {
	const { gpu, shape } = logits;
	const fits = codes.gpu === gpu && codes.dtype === "uint32" && sameShape(codes.shape, shape.toSpliced(1, 1));
	if (!fits || logits.blocked === null) return crossEntropy(logits, codes);
	const [batch, classes, ...grid] = shape;
	const plane = sizeOf(grid);
	const rows = blocksOf(batch) * plane * blockSize;
	const constants = { CLASSES: classes };
	const [loss, maxima, sums] = gpu.scope(() => {
		const [losses, maxima, sums] = [gpu.empty([rows]), gpu.empty([rows]), gpu.empty([rows])];
		const sizes = gpu.uniform(Uint32Array.of(batch, plane));
		launchElements(
			crossEntropyBlockedKernel,
			rows / 4,
			[blockedStorage(logits), codes, losses, maxima, sums, sizes],
			constants,
		);
		return [sumOver(losses, { r2: rows }, [], 1 / codes.size), maxima, sums] as const;
	});
	return record("crossEntropy", loss, [logits], [logits, codes], (gradient) => {
		const { tensor, storage } = emptyBlocked(gpu, shape);
		const sizes = new Uint32Array([batch, plane, 0]);
		new Float32Array(sizes.buffer)[2] = 1 / codes.size;
		const bindings = [blockedStorage(logits), codes, maxima, sums, gradient, storage, gpu.uniform(sizes)];
		launchElements(crossEntropyGradBlockedKernel, rows / 4, bindings, constants);
		return [tensor];
	});
}
