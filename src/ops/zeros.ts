import expandKernel from "../../kernels/expand.wgsl";
import type { Shape } from "../base/shape.js";
import type { DType } from "../tensor/dtype.js";
import type { Gpu, Tensor } from "../tensor/tensor.js";
import { launchElements } from "./launch.js";

/** A tensor of zeros, written by a kernel: so each replay of a captured step writes them again. */
export function zeros<D extends DType = "float32">(gpu: Gpu, shape: Shape, dtype: D = "float32" as D): Tensor<D> {
	const out = gpu.empty(shape, dtype);
	gpu.scope(() => {
		launchElements(expandKernel, out.size, [gpu.constant(0), out], {
			constants: { COUNT: 1, INNER: 1 },
			uniforms: { factor: 0 },
		});
	});
	return out;
}
