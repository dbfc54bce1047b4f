import binaryKernel from "../../kernels/binary.wgsl";
import { readsOfProduct, record } from "../autograd/tape.js";
import { type Shape, sameShape } from "../base/shape.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Tensor } from "../tensor/tensor.js";
import { broadcastShape, repeatOf } from "./broadcast.js";
import { commonGpu } from "./check.js";
import { launchElementwise } from "./elementwise.js";
import { launchElements } from "./launch.js";
import { launchScale } from "./scale.js";
import { launchSum } from "./sum.js";

/** The values of OPERATION in kernels/binary.wgsl. */
const operations = { add: 0, sub: 1, mul: 2 } as const;

/** a ∘ b with broadcasting. */
export function launchBinary(operation: keyof typeof operations, a: Tensor, b: Tensor): Tensor {
	checkTensor(operation, "a", a, "float32");
	checkTensor(operation, "b", b, "float32");
	const gpu = commonGpu(operation, a, b);
	const shape = broadcastShape(operation, a.shape, b.shape);
	const repeatA = repeatOf(operation, a.shape, shape);
	const repeatB = repeatOf(operation, b.shape, shape);
	const constants = {
		OPERATION: operations[operation],
		A_COUNT: repeatA.count,
		A_INNER: repeatA.inner,
		B_COUNT: repeatB.count,
		B_INNER: repeatB.inner,
	};
	if (sameShape(a.shape, b.shape)) return launchElementwise(binaryKernel, [a, b], constants);
	const out = gpu.empty(shape);
	launchElements(binaryKernel, out.size / 4, [a, b, out], { constants });
	return out;
}

/** The gradient of an operand that was broadcast: the sum over its repetitions. Disposes of `gradient`. */
function sumToShape(gradient: Tensor, shape: Shape, factor = 1): Tensor {
	const { count, inner } = repeatOf("sum", shape, gradient.shape);
	const summed =
		count > 0
			? launchSum(gradient, { r1: gradient.size / (count * inner), k1: count, r2: inner }, shape, factor)
			: factor === 1
				? gradient.share(shape)
				: launchScale(gradient, factor, shape);
	gradient.dispose();
	return summed;
}

/**
 * a + b, elementwise. Shapes are broadcast as in NumPy and PyTorch, if the axes of the smaller operand whose length is not 1 are
 * neighbours: a scalar, a bias [C, 1, 1] and [N, C, H, W], a row [C] and [N, C].
 *
 * @param a float32, any shape
 * @param b float32, a shape that broadcasts with that of a
 * @returns float32, the broadcast shape
 * @throws ShapeError if the shapes do not broadcast, DTypeError if one is not float32, DeviceMismatchError if they are on two devices
 * @example
 * const y = add(matmul(x, weight), bias); // [N, out] + [out]
 */
export function add(a: Tensor, b: Tensor): Tensor {
	return record("add", launchBinary("add", a, b), [a, b], [], (gradient) => [
		a.requiresGrad ? sumToShape(gradient.share(), a.shape) : null,
		b.requiresGrad ? sumToShape(gradient.share(), b.shape) : null,
	]);
}

/** a − b, elementwise; shapes and errors as for `add`. */
export function sub(a: Tensor, b: Tensor): Tensor {
	return record("sub", launchBinary("sub", a, b), [a, b], [], (gradient) => [
		a.requiresGrad ? sumToShape(gradient.share(), a.shape) : null,
		b.requiresGrad ? sumToShape(gradient.share(), b.shape, -1) : null,
	]);
}

/** a × b, elementwise; shapes and errors as for `add`. */
export function mul(a: Tensor, b: Tensor): Tensor {
	return record("mul", launchBinary("mul", a, b), [a, b], readsOfProduct(a, b), (gradient) => [
		a.requiresGrad ? sumToShape(launchBinary("mul", gradient, b), a.shape) : null,
		b.requiresGrad ? sumToShape(launchBinary("mul", gradient, a), b.shape) : null,
	]);
}
