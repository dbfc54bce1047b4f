import type { Shape } from "../base/shape.js";
import type { DType } from "../tensor/dtype.js";
import { fill } from "../tensor/making.js";
import type { Gpu, Tensor } from "../tensor/tensor.js";

/** A tensor of zeros, written by a kernel: so each replay of a captured step writes them again. */
export function zeros<D extends DType = "float32">(gpu: Gpu, shape: Shape, dtype: D = "float32" as D): Tensor<D> {
	const out = gpu.empty(shape, dtype);
	fill(out, "constant", { start: 0 });
	return out;
}
