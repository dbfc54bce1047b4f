import reluKernel from "../../kernels/relu.wgsl";
import reluGradKernel from "../../kernels/relu_grad.wgsl";
import { record } from "../autograd/tape.js";
import { checkAnyTensor } from "../tensor/check_tensor.js";
import type { Tensor } from "../tensor/tensor.js";
import { launchElementwise } from "./elementwise.js";

/**
 * The gradient of x from a kernel that can multiply it by x > 0 in the same pass. If x is the output of a ReLU, the kernel
 * gets x as the mask, and the ReLU's backward pass launches nothing.
 */
export function maskedGradient(x: Tensor, gradientOf: (mask: Tensor | undefined) => Tensor): Tensor {
	const relu = x.gradientNode?.relu;
	if (relu === undefined) return gradientOf(undefined);
	relu.masked = gradientOf(x);
	return relu.masked;
}

/** The gradient of a ReLU's input, whose output is y: dy if y > 0, else 0. */
export function reluGradient(y: Tensor, dy: Tensor): Tensor {
	return y.gradientNode?.relu?.masked === dy ? dy.share() : launchElementwise(reluGradKernel, [y, dy]);
}

/**
 * max(x, 0), elementwise, as torch.nn.functional.relu; the gradient at 0 is 0.
 *
 * @param x float32, any shape
 * @throws DTypeError if x is not float32
 * @example
 * const y = relu(x);
 */
export function relu(x: Tensor): Tensor {
	checkAnyTensor("relu", "x", x, "float32");
	const y = x.size === 0 ? x.gpu.empty(x.shape) : launchElementwise(reluKernel, [x]);
	return record("relu", y, [x], [y], (dy) => [reluGradient(y, dy)], true);
}
