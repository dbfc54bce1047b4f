import rotationTrickGradKernel from "../../../kernels/rotation_trick_grad.wgsl";
import { record } from "../../autograd/tape.js";
import { ShapeError } from "../../base/errors.js";
import { formatShape, sameShape } from "../../base/shape.js";
import { checkTensor } from "../../tensor/check_tensor.js";
import type { Tensor } from "../../tensor/tensor.js";
import { commonGpu } from "../check.js";
import { launchElements } from "../launch.js";
import { vectorsOf } from "./latents.js";

/**
 * The rotation trick (Fifty et al., "Restructuring vector quantization with the rotation trick", 2024): the value of
 * `quantized`, seen as each vector of z turned and stretched until it lies there. The gradient is turned and stretched back
 * on its way to z; the turn itself is held constant, and `quantized` gets none. A vector of length 0, and one that points
 * away from its code, get the gradient of the straight-through estimator.
 *
 * @param z float32 [N, D], or [B, D, H, W] whose vectors lie along the channels
 * @param quantized float32, of z's shape
 * @throws ShapeError, DTypeError, DeviceMismatchError
 */
export function rotationTrick(z: Tensor, quantized: Tensor): Tensor {
	const name = "rotationTrick";
	const { layout, vectors } = vectorsOf(name, "z", z);
	checkTensor(name, "quantized", quantized, "float32");
	const gpu = commonGpu(name, z, quantized);
	if (!sameShape(z.shape, quantized.shape))
		throw new ShapeError(`${name}: shapes ${formatShape(z.shape)} and ${formatShape(quantized.shape)} differ.`);
	const result = quantized.share();
	return record(name, result, [z], [z, result], (gradient) => {
		const dz = gpu.empty(z.shape);
		launchElements(rotationTrickGradKernel, vectors, [z, result, gradient, dz], { constants: { ...layout } });
		return [dz];
	});
}
