import binaryKernel from "../../kernels/binary.wgsl";
import binaryGradKernel from "../../kernels/binary_grad.wgsl";
import { readsOfProduct } from "../autograd/tape.js";
import { sameShape } from "../base/shape.js";
import type { DType } from "../tensor/dtype.js";
import type { AnyTensor, Tensor } from "../tensor/tensor.js";
import { broadcastShape, launchBroadcast } from "./broadcast.js";
import { dtypeCodes } from "./dtype_codes.js";
import { launchElementwise } from "./elementwise.js";
import { type Operand, operandsOf } from "./operands.js";
import { isFloat, recordFloats } from "./record.js";
import { sumToShape } from "./sum.js";

/** The values of OPERATION in kernels/binary.wgsl. */
const operations = { add: 0, sub: 1, mul: 2, div: 3, maximum: 4, minimum: 5 } as const;

/** a ∘ b with broadcasting. */
export function launchBinary<D extends DType>(
	operation: keyof typeof operations,
	a: Tensor<D>,
	b: Tensor<D>,
): Tensor<D> {
	const constants = { OPERATION: operations[operation], TYPE: dtypeCodes[a.dtype] };
	if (isFloat(a) && isFloat(b) && a.size > 0 && sameShape(a.shape, b.shape))
		return launchElementwise(binaryKernel, [a, a, b, b], constants) as AnyTensor as Tensor<D>;
	const out = a.gpu.empty(broadcastShape(operation, a.shape, b.shape), a.dtype);
	launchBroadcast(operation, binaryKernel, [a, b], out, constants);
	return out;
}

/**
 * a + b, elementwise. Shapes are broadcast as in NumPy and PyTorch: counted from the last axis, lengths are
 * equal, or 1, or missing in one of them.
 *
 * @param a any dtype, any shape; or a number
 * @param b the dtype of a, a shape that broadcasts with that of a; or a number
 * @returns the dtype of a and b, the broadcast shape
 * @throws ShapeError if the shapes do not broadcast, DTypeError if the dtypes differ, ArgumentError if both are
 * numbers, DeviceMismatchError
 * @example
 * const y = add(matmul(x, weight), bias); // [N, out] + [out]
 */
export function add<D extends DType = "float32">(a: Operand<D>, b: Operand<D>): Tensor<D> {
	const [x, y] = operandsOf("add", { a, b });
	return recordFloats("add", launchBinary("add", x, y), [x, y], none, (dy, [x, y]) => [
		x.requiresGrad ? sumToShape(dy.share(), x.shape) : null,
		y.requiresGrad ? sumToShape(dy.share(), y.shape) : null,
	]);
}

/** a − b, elementwise; operands, broadcasting and errors as for `add`. */
export function sub<D extends DType = "float32">(a: Operand<D>, b: Operand<D>): Tensor<D> {
	const [x, y] = operandsOf("sub", { a, b });
	return recordFloats("sub", launchBinary("sub", x, y), [x, y], none, (dy, [x, y]) => [
		x.requiresGrad ? sumToShape(dy.share(), x.shape) : null,
		y.requiresGrad ? sumToShape(dy.share(), y.shape, -1) : null,
	]);
}

/** a × b, elementwise; operands, broadcasting and errors as for `add`. */
export function mul<D extends DType = "float32">(a: Operand<D>, b: Operand<D>): Tensor<D> {
	const [x, y] = operandsOf("mul", { a, b });
	return recordFloats(
		"mul",
		launchBinary("mul", x, y),
		[x, y],
		([x, y]) => readsOfProduct(x, y),
		(dy, [x, y]) => [
			x.requiresGrad ? sumToShape(launchBinary("mul", dy, y), x.shape) : null,
			y.requiresGrad ? sumToShape(launchBinary("mul", dy, x), y.shape) : null,
		],
	);
}

/**
 * a / b, elementwise; operands and broadcasting as for `add`, but float32 alone: for integers use
 * `cast(x, "float32")`.
 */
export function div(a: Operand, b: Operand): Tensor {
	const [x, y] = operandsOf("div", { a, b }, "float32");
	return recordFloats("div", launchBinary("div", x, y), [x, y], both, gradients(3));
}

/** The larger of a and b, elementwise; NaN if one is NaN. Operands, broadcasting and errors as for `add`. */
export function maximum<D extends DType = "float32">(a: Operand<D>, b: Operand<D>): Tensor<D> {
	const [x, y] = operandsOf("maximum", { a, b });
	return recordFloats("maximum", launchBinary("maximum", x, y), [x, y], both, gradients(4));
}

/** The smaller of a and b, elementwise; NaN if one is NaN. Operands, broadcasting and errors as for `add`. */
export function minimum<D extends DType = "float32">(a: Operand<D>, b: Operand<D>): Tensor<D> {
	const [x, y] = operandsOf("minimum", { a, b });
	return recordFloats("minimum", launchBinary("minimum", x, y), [x, y], both, gradients(5));
}

const none = () => [];
const both = (operands: readonly Tensor[]) => operands;

/** The backward pass of an operation of kernels/binary_grad.wgsl. @param operation the value of OPERATION */
export function gradients(operation: number): (dy: Tensor, operands: readonly Tensor[]) => (Tensor | null)[] {
	return (dy, [x, y]) =>
		[x, y].map((operand, side) => {
			if (!operand.requiresGrad) return null;
			const out = dy.gpu.empty(dy.shape);
			launchBroadcast("backward", binaryGradKernel, [dy, x, y], out, { OPERATION: operation, SIDE: side });
			return sumToShape(out, operand.shape);
		});
}
