import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { launchBinary } from "./binary.js";
import { launchCast } from "./cast.js";
import { launchCompare } from "./compare.js";
import { recordFloats } from "./record.js";
import { launchReduce } from "./reduce.js";
import { checkNotEmpty, planReduction, type Reduction } from "./reduction.js";

function extreme<D extends DType>(operation: "max" | "min", x: Tensor<D>, over: Reduction | undefined): Tensor<D> {
	const plan = planReduction(operation, x, over);
	checkNotEmpty(operation, x, plan);
	const { gpu } = x;
	const y = launchReduce(x, plan, operation);
	return recordFloats(
		operation,
		y,
		[x],
		([x]) => [x, y],
		(dy, [x]) =>
			gpu.scope(() => {
				const chosen = launchCompare("equal", x, (y as unknown as Tensor).share(plan.kept));
				const count = launchReduce(chosen, { ...plan, shape: plan.kept }, "sum");
				const share = launchBinary("div", dy.share(plan.kept), launchCast(count, "float32"));
				return [launchBinary("mul", launchCast(chosen, "float32"), share)];
			}),
	);
}

/**
 * The largest element, of all or over some axes, as torch.amax; NaN if one is NaN. Equal largest elements
 * share the gradient.
 *
 * @param x any dtype, any shape
 * @param over the axes, which the result does not have (default: all), −1 is the last one; or
 * { axis, keepDim }
 * @returns the dtype of x
 * @throws ArgumentError if x has no such axis, ShapeError if there are no elements
 * @example
 * const brightest = max(images, { axis: [2, 3] });
 */
export function max<D extends DType = "float32">(x: Tensor<D>, over?: Reduction): Tensor<D> {
	return extreme("max", x, over);
}

/** The smallest element, as torch.amin; arguments and errors as for `max`. */
export function min<D extends DType = "float32">(x: Tensor<D>, over?: Reduction): Tensor<D> {
	return extreme("min", x, over);
}
