import normalizeKernel from "../../kernels/normalize.wgsl";
import normalizeGradKernel from "../../kernels/normalize_grad.wgsl";
import { record } from "../autograd/tape.js";
import type { Tensor } from "../tensor/tensor.js";
import { vectorsOf } from "./codes/latents.js";
import { launchElements } from "./launch.js";

/**
 * Each vector divided by its Euclidean length, or by 1e-12 if that is smaller, as torch.nn.functional.normalize.
 *
 * @param x float32 [N, D], or [B, D, H, W] whose vectors lie along the channels
 * @throws ShapeError, DTypeError
 */
export function normalize(x: Tensor): Tensor {
	const { layout, vectors } = vectorsOf("normalize", "x", x);
	const { gpu } = x;
	const y = gpu.empty(x.shape);
	launchElements(normalizeKernel, vectors, [x, y], { constants: { ...layout } });
	return record("normalize", y, [x], [x, y], (gradient) => {
		const dx = gpu.empty(x.shape);
		launchElements(normalizeGradKernel, vectors, [x, y, gradient, dx], { constants: { ...layout } });
		return [dx];
	});
}
