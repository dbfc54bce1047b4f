import whereKernel from "../../kernels/where.wgsl";
import { checkAnyTensor } from "../tensor/check_tensor.js";
import type { DType } from "../tensor/dtype.js";
import type { AnyTensor, Tensor } from "../tensor/tensor.js";
import { broadcastShape, launchBroadcast } from "./broadcast.js";
import { commonGpu } from "./check.js";
import { type Operand, operandsOf, scalarOf } from "./operands.js";
import { recordFloats } from "./record.js";
import { sumToShape } from "./sum.js";

function launchWhere(condition: AnyTensor, a: AnyTensor, b: AnyTensor, out: AnyTensor): void {
	launchBroadcast("where", whereKernel, [condition, a, b], out);
}

/**
 * The element of a if the condition is not 0, else that of b, as torch.where. All three are broadcast as for
 * `add`.
 *
 * @param condition uint32 or int32, as comparisons return it
 * @param a any dtype, any shape; or a number
 * @param b the dtype of a; or a number
 * @returns the dtype of a and b, the broadcast shape
 * @throws ShapeError if the shapes do not broadcast, DTypeError, ArgumentError, DeviceMismatchError
 * @example
 * const positive = where(greater(x, 0), x, 0);
 */
export function where<D extends DType = "float32">(
	condition: Tensor<"uint32"> | Tensor<"int32">,
	a: Operand<D>,
	b: Operand<D>,
): Tensor<D> {
	checkAnyTensor("where", "condition", condition, "uint32", "int32");
	const { gpu } = condition;
	const numbers = typeof a === "number" && typeof b === "number";
	const [x, y] = numbers
		? [a, b].map((value) => scalarOf(gpu, value, "float32") as AnyTensor as Tensor<D>)
		: operandsOf("where", { a, b });
	commonGpu("where", condition, x);
	const out = gpu.empty(broadcastShape("where", condition.shape, x.shape, y.shape), x.dtype);
	launchWhere(condition, x, y, out);
	return recordFloats(
		"where",
		out,
		[x, y],
		() => [condition],
		(dy, [x, y]) =>
			[x, y].map((operand, side) => {
				if (!operand.requiresGrad) return null;
				return gpu.scope(() => {
					const zero = gpu.constant(0);
					const own = gpu.empty(dy.shape);
					launchWhere(condition, side === 0 ? dy : zero, side === 0 ? zero : dy, own);
					return sumToShape(own, operand.shape);
				});
			}),
	);
}
