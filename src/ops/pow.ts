import powKernel from "../../kernels/pow.wgsl";
import type { Tensor } from "../tensor/tensor.js";
import { gradients } from "./binary.js";
import { broadcastShape, launchBroadcast } from "./broadcast.js";
import { type Operand, operandsOf } from "./operands.js";
import { recordFloats } from "./record.js";

/** OPERATION of kernels/binary_grad.wgsl. */
const power = 6;

/**
 * a to the power of b, elementwise, as torch.pow. NaN if a is negative and b no whole number. Broadcasting as
 * for `add`.
 *
 * @param a float32, any shape; or a number
 * @param b float32, a shape that broadcasts with that of a; or a number
 * @throws ShapeError if the shapes do not broadcast, DTypeError, ArgumentError if both are numbers,
 * DeviceMismatchError
 * @example
 * const cubes = pow(x, 3);
 */
export function pow(a: Operand, b: Operand): Tensor {
	const [x, y] = operandsOf("pow", { a, b }, "float32");
	const out = x.gpu.empty(broadcastShape("pow", x.shape, y.shape));
	launchBroadcast("pow", powKernel, [x, y], out);
	return recordFloats("pow", out, [x, y], (operands) => operands, gradients(power));
}
