import compareKernel from "../../kernels/compare.wgsl";
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { broadcastShape, launchBroadcast } from "./broadcast.js";
import { dtypeCodes } from "./dtype_codes.js";
import { type Operand, operandsOf } from "./operands.js";

/** The values of OPERATION in kernels/compare.wgsl. */
const operations = { equal: 0, notEqual: 1, greater: 2, greaterEqual: 3, less: 4, lessEqual: 5 } as const;

/** Whether a ∘ b, with broadcasting. */
export function launchCompare<D extends DType>(
	operation: keyof typeof operations,
	a: Tensor<D>,
	b: Tensor<D>,
): Tensor<"uint32"> {
	const out = a.gpu.empty(broadcastShape(operation, a.shape, b.shape), "uint32");
	launchBroadcast(operation, compareKernel, [a, b], out, {
		OPERATION: operations[operation],
		TYPE: dtypeCodes[a.dtype],
	});
	return out;
}

function compared<D extends DType>(operation: keyof typeof operations, a: Operand<D>, b: Operand<D>): Tensor<"uint32"> {
	const [x, y] = operandsOf(operation, { a, b });
	return launchCompare(operation, x, y);
}

/**
 * 1 if a equals b, else 0, elementwise, as torch.eq; 0 if one is NaN. Broadcasting as for `add`. It has no
 * gradient.
 *
 * @param a any dtype, any shape; or a number
 * @param b the dtype of a, a shape that broadcasts with that of a; or a number
 * @returns uint32, the broadcast shape
 * @throws ShapeError if the shapes do not broadcast, DTypeError if the dtypes differ, ArgumentError if both are
 * numbers, DeviceMismatchError
 * @example
 * const hits = sum(equal(argmax(logits, { axis: 1 }), labels));
 */
export function equal<D extends DType = "float32">(a: Operand<D>, b: Operand<D>): Tensor<"uint32"> {
	return compared("equal", a, b);
}

/** 1 if a differs from b or one is NaN, else 0, as torch.ne; operands and errors as for `equal`. */
export function notEqual<D extends DType = "float32">(a: Operand<D>, b: Operand<D>): Tensor<"uint32"> {
	return compared("notEqual", a, b);
}

/** 1 if a > b, else 0, as torch.gt; operands and errors as for `equal`. */
export function greater<D extends DType = "float32">(a: Operand<D>, b: Operand<D>): Tensor<"uint32"> {
	return compared("greater", a, b);
}

/** 1 if a ≥ b, else 0, as torch.ge; operands and errors as for `equal`. */
export function greaterEqual<D extends DType = "float32">(a: Operand<D>, b: Operand<D>): Tensor<"uint32"> {
	return compared("greaterEqual", a, b);
}

/** 1 if a < b, else 0, as torch.lt; operands and errors as for `equal`. */
export function less<D extends DType = "float32">(a: Operand<D>, b: Operand<D>): Tensor<"uint32"> {
	return compared("less", a, b);
}

/** 1 if a ≤ b, else 0, as torch.le; operands and errors as for `equal`. */
export function lessEqual<D extends DType = "float32">(a: Operand<D>, b: Operand<D>): Tensor<"uint32"> {
	return compared("lessEqual", a, b);
}
