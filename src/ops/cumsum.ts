import cumsumKernel from "../../kernels/cumsum.wgsl";
import { resolveAxis, sizeOf } from "../base/shape.js";
import { checkAnyTensor } from "../tensor/check_tensor.js";
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { dtypeCodes } from "./dtype_codes.js";
import { launchElements } from "./launch.js";
import { recordFloats } from "./record.js";

/** Elements that one invocation adds up. */
const chunk = 32;

/** Cumulative sums along the middle one of three axes. */
function launchCumsum<D extends DType>(
	x: Tensor<D>,
	outer: number,
	length: number,
	inner: number,
	reverse: boolean,
): Tensor<D> {
	const { gpu } = x;
	return gpu.scope(() => {
		const chunks = Math.ceil(length / chunk);
		const launch = (out: Tensor<D>, last: boolean, offsets = x) =>
			launchElements(cumsumKernel, outer * chunks * inner, [x, offsets, out], {
				constants: { TYPE: dtypeCodes[x.dtype] === 0 ? 0 : 1, REVERSE: reverse ? 1 : 0, SUMS: last ? 0 : 1 },
				uniforms: { outer, length, inner, chunk, chunks },
			});
		const out = gpu.empty(x.shape, x.dtype);
		if (chunks === 1) {
			launch(out, true);
			return out;
		}
		const sums = gpu.empty([outer, chunks, inner], x.dtype);
		launch(sums, false);
		launch(out, true, launchCumsum(sums, outer, chunks, inner, reverse));
		return out;
	});
}

/**
 * The sum of the elements up to each one along an axis, as torch.cumsum.
 *
 * @param x any dtype, any shape
 * @param axis −1 is the last one
 * @throws ArgumentError if x has no such axis
 * @example
 * const ends = cumsum(lengths, 0);
 */
export function cumsum<D extends DType = "float32">(x: Tensor<D>, axis: number): Tensor<D> {
	checkAnyTensor("cumsum", "x", x);
	const at = resolveAxis(axis, x.shape, "cumsum");
	const [outer, inner] = [sizeOf(x.shape.slice(0, at)), sizeOf(x.shape.slice(at + 1))];
	if (x.size === 0) return x.gpu.empty(x.shape, x.dtype);
	return recordFloats(
		"cumsum",
		launchCumsum(x, outer, x.shape[at], inner, false),
		[x],
		() => [],
		(gradient) => [launchCumsum(gradient, outer, x.shape[at], inner, true)],
	);
}
