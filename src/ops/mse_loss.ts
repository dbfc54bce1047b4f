import mseKernel from "../../kernels/mse.wgsl";
import mseGradKernel from "../../kernels/mse_grad.wgsl";
import { record } from "../autograd/tape.js";
import { checkNumber, checkOptions } from "../base/arguments.js";
import { ShapeError } from "../base/errors.js";
import { formatShape, sameShape } from "../base/shape.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Tensor } from "../tensor/tensor.js";
import { commonGpu } from "./check.js";
import { launchElements } from "./launch.js";
import { launchSum } from "./sum.js";

/** Elements that a workgroup sums up. */
const chunk = 4096;

export interface MSELossOptions {
	/** Multiplies the mean, e.g. by 1 / variance (default 1). */
	readonly scale?: number;
}

/**
 * scale · the mean of (a − b)² over all elements, as torch.nn.functional.mse_loss.
 *
 * @param a float32, any shape
 * @param b float32, the same shape: nothing is broadcast
 * @returns float32, a scalar
 * @throws ShapeError if the shapes differ, ArgumentError if the scale is not finite, DTypeError, DeviceMismatchError
 * @example
 * const loss = mseLoss(model.forward(x), target);
 */
export function mseLoss(a: Tensor, b: Tensor, options: MSELossOptions = {}): Tensor {
	checkTensor("mseLoss", "a", a, "float32");
	checkTensor("mseLoss", "b", b, "float32");
	const gpu = commonGpu("mseLoss", a, b);
	checkOptions("mseLoss", options, ["scale"]);
	const { scale = 1 } = options;
	checkNumber("mseLoss", "scale", scale);
	if (!sameShape(a.shape, b.shape))
		throw new ShapeError(
			`mseLoss: a has shape ${formatShape(a.shape)}, but b has ${formatShape(b.shape)}; they must be equal.`,
		);

	const loss = gpu.scope(() => {
		const workgroups = Math.ceil(a.size / chunk);
		const partial = gpu.empty([workgroups, 64]);
		gpu.launch(mseKernel, {
			constants: { CHUNK: chunk },
			bindings: [a, b, partial].map((tensor) => tensor.memory()),
			workgroups,
		});
		return launchSum(partial, { r2: partial.size }, [], scale / a.size);
	});

	const gradientOf = (x: Tensor, y: Tensor, gradient: Tensor) => {
		const dx = gpu.empty(x.shape);
		launchElements(mseGradKernel, dx.size, [x, y, gradient, dx], { uniforms: { factor: (2 * scale) / x.size } });
		return dx;
	};
	return record("mseLoss", loss, [a, b], [a, b], (gradient) => [
		a.requiresGrad ? gradientOf(a, b, gradient) : null,
		b.requiresGrad ? gradientOf(b, a, gradient) : null,
	]);
}
