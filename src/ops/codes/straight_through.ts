import { record } from "../../autograd/tape.js";
import { ShapeError } from "../../base/errors.js";
import { formatShape, sameShape } from "../../base/shape.js";
import { checkTensor } from "../../tensor/check_tensor.js";
import type { Tensor } from "../../tensor/tensor.js";
import { commonGpu } from "../check.js";

/**
 * The straight-through estimator (Bengio et al. 2013; van den Oord et al. 2017): the value of `quantized`, whose
 * gradient is passed to `z` unchanged, and not to `quantized`. In PyTorch z + (quantized − z).detach().
 *
 * @param z float32, any shape
 * @param quantized float32, the same shape
 * @throws ShapeError if the shapes differ, DTypeError, DeviceMismatchError
 */
export function straightThrough(z: Tensor, quantized: Tensor): Tensor {
	checkTensor("straightThrough", "z", z, "float32");
	checkTensor("straightThrough", "quantized", quantized, "float32");
	commonGpu("straightThrough", z, quantized);
	if (!sameShape(z.shape, quantized.shape))
		throw new ShapeError(
			`straightThrough: z has shape ${formatShape(z.shape)}, but quantized has ${formatShape(quantized.shape)}; they must be equal.`,
		);
	return record("straightThrough", quantized.share(), [z], [], (gradient) => [gradient.share()]);
}
