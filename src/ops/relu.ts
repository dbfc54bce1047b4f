import reluKernel from "../../kernels/relu.wgsl";
import reluGradKernel from "../../kernels/relu_grad.wgsl";
import { record } from "../autograd/tape.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Tensor } from "../tensor/tensor.js";
import { elementwise } from "./elementwise.js";

/** Tensors that a ReLU gave. */
const reluOutputs = new WeakSet<Tensor>();
/** Gradients of such tensors that are 0 where the tensor is not positive, with that tensor. */
const masked = new WeakMap<Tensor, Tensor>();

/** Notes that max(·, 0) gave y, so that an operation on it can mask its gradient in the pass that computes it. */
export function markReluOutput(y: Tensor): void {
	reluOutputs.add(y);
}

/**
 * The gradient of x from a function that can mask it: where x came from a ReLU it gets x as the mask, and the ReLU's own
 * gradient then has nothing left to do.
 */
export function throughRelu(x: Tensor, gradientOf: (mask: Tensor | undefined) => Tensor): Tensor {
	if (!reluOutputs.has(x)) return gradientOf(undefined);
	const gradient = gradientOf(x);
	masked.set(gradient, x);
	return gradient;
}

/** The gradient before a ReLU that gave y: dy where y > 0, else 0. */
export function reluGradient(y: Tensor, dy: Tensor): Tensor {
	return masked.get(dy) === y ? dy.share() : elementwise(reluGradKernel, [y, dy]);
}

/** max(x, 0), elementwise; the gradient at 0 is 0. */
export function relu(x: Tensor): Tensor {
	checkTensor("relu", "x", x, "float32");
	const y = elementwise(reluKernel, [x]);
	markReluOutput(y);
	return record("relu", y, [x], [y], (gradient) => [reluGradient(y, gradient)]);
}
