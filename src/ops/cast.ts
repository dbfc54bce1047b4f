import castKernel from "../../kernels/cast.wgsl";
import { checkAnyTensor } from "../tensor/check_tensor.js";
import type { DType } from "../tensor/dtype.js";
import { checkDTypeName } from "../tensor/host_data.js";
import type { AnyTensor, Tensor } from "../tensor/tensor.js";
import { dtypeCodes } from "./dtype_codes.js";
import { launchElements } from "./launch.js";
import { recordFloats } from "./record.js";

/** The elements of x as another dtype. */
export function launchCast<D extends DType>(x: AnyTensor, dtype: D): Tensor<D> {
	const out = x.gpu.empty(x.shape, dtype);
	launchElements(castKernel, out.size / 4, [x, out], {
		constants: { FROM: dtypeCodes[x.dtype], TO: dtypeCodes[dtype] },
	});
	return out;
}

/**
 * The elements as another dtype, as torch.Tensor.to. Floats are rounded towards 0 and limited to the range of
 * the integers; NaN becomes 0. A gradient flows from float32 to float32 alone.
 *
 * @param x any dtype, any shape
 * @throws ArgumentError if there is no such dtype
 * @example
 * const mask = cast(greater(x, 0), "float32");
 */
export function cast<D extends DType>(x: AnyTensor, dtype: D): Tensor<D> {
	checkAnyTensor("cast", "x", x);
	checkDTypeName("cast", dtype);
	if (x.dtype !== dtype) return launchCast(x, dtype);
	return recordFloats(
		"cast",
		x.share() as Tensor<D>,
		[x],
		() => [],
		(gradient) => [gradient.share()],
	);
}
