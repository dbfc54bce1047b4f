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
 * `quantized`, as the result of a rotation and scaling of each vector of z. The gradient of z is that of `quantized`, rotated and
 * scaled by the transpose; the rotation itself is held constant, and `quantized` gets no gradient. A vector of length 0, and one
 * that points away from its code, gets the gradient of the straight-through estimator.
 *
 * @param z float32 [N, D], or [B, D, H, W] whose vectors are along the channel axis
 * @param quantized float32, of z's shape
 * @throws ShapeError, DTypeError, DeviceMismatchError
 */
export function rotationTrick(z: Tensor, quantized: Tensor): Tensor {
	const name = "rotationTrick";
	const { layout, vectors } = vectorsOf(name, "z", z);
	checkTensor(name, "quantized", quantized, "float32");
	const gpu = commonGpu(name, z, quantized);
	if (!sameShape(z.shape, quantized.shape))
		throw new ShapeError(
			`${name}: z has shape ${formatShape(z.shape)}, but quantized has ${formatShape(quantized.shape)}; they must be equal.`,
		);
	const result = quantized.share();
	return record(name, result, [z], [z, result], (gradient) => {
		const dz = gpu.empty(z.shape);
		launchElements(rotationTrickGradKernel, vectors, [z, result, gradient, dz], { constants: { ...layout } });
		return [dz];
	});
}
