import binaryKernel from "../../kernels/binary.wgsl";
import type { Shape } from "../base/shape.js";
import type { DType } from "../tensor/dtype.js";
import type { Gpu, Tensor } from "../tensor/tensor.js";
import { launchElements } from "./launch.js";

/** A tensor of zeros, written by a kernel: so each replay of a captured step writes them again. */
export function zeros<D extends DType = "float32">(gpu: Gpu, shape: Shape, dtype: D = "float32" as D): Tensor<D> {
	const out = gpu.empty(shape, dtype);
	gpu.scope(() => {
		const zero = gpu.constant(0);
		// 0 · 0, each repeated.
		launchElements(binaryKernel, out.size / 4, [zero, zero, out], {
			constants: { OPERATION: 2, A_COUNT: 1, B_COUNT: 1 },
		});
	});
	return out;
}
