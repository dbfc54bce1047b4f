import scaleKernel from "../../kernels/scale.wgsl";
import { record } from "../autograd/tape.js";
import { ArgumentError } from "../gpu/errors.js";
import type { Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkDType } from "./check.js";
import { launchElements } from "./launch.js";

/** factor · x as a tensor of shape `to`. Records nothing. */
export function scaled(x: Tensor, factor: number, to: Shape = x.shape): Tensor {
	const out = x.gpu.empty(to);
	launchElements(scaleKernel, out.size, [x, out, x.gpu.uniform(Float32Array.of(factor))]);
	return out;
}

/**
 * factor · x for a plain number.
 *
 * @throws ArgumentError where the factor is not finite.
 */
export function scale(x: Tensor, factor: number): Tensor {
	checkDType("scale", "the tensor", x, "float32");
	if (!Number.isFinite(factor)) throw new ArgumentError(`scale: the factor must be finite, but is ${factor}.`);
	return record("scale", scaled(x, factor), [x], (gradient) => [scaled(gradient, factor)]);
}
