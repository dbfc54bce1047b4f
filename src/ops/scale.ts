import scaleKernel from "../../kernels/scale.wgsl";
import { record } from "../autograd/tape.js";
import { checkNumber } from "../base/arguments.js";
import type { Shape } from "../base/shape.js";
import { checkAnyTensor } from "../tensor/check_tensor.js";
import type { Tensor } from "../tensor/tensor.js";
import { launchElements } from "./launch.js";

/** factor · x as a tensor of shape `to`. */
export function launchScale(x: Tensor, factor: number, to: Shape = x.shape): Tensor {
	const out = x.gpu.empty(to);
	launchElements(scaleKernel, out.size / 4, [x, out], { uniforms: { factor } });
	return out;
}

/**
 * factor · x, for a number.
 *
 * @param x float32, any shape
 * @throws ArgumentError if the factor is not finite, DTypeError if x is not float32
 */
export function scale(x: Tensor, factor: number): Tensor {
	checkAnyTensor("scale", "x", x, "float32");
	checkNumber("scale", "factor", factor);
	return record("scale", launchScale(x, factor), [x], [], (gradient) => [launchScale(gradient, factor)]);
}
