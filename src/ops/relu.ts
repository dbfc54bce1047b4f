import reluKernel from "../../kernels/relu.wgsl";
import reluGradKernel from "../../kernels/relu_grad.wgsl";
import { record } from "../autograd/tape.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkDType } from "./check.js";
import { launchElements } from "./launch.js";

/** max(x, 0), elementwise; the gradient at 0 is 0. */
export function relu(x: Tensor): Tensor {
	checkDType("relu", "the tensor", x, "float32");
	const y = x.gpu.empty(x.shape);
	launchElements(reluKernel, y.size, [x, y]);
	return record("relu", y, [x], (gradient) => {
		const dx = x.gpu.empty(x.shape);
		launchElements(reluGradKernel, dx.size, [y, gradient, dx]);
		return [dx];
	});
}
