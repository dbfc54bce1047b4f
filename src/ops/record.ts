import { record } from "../autograd/tape.js";
import type { DType } from "../tensor/dtype.js";
import type { AnyTensor, GradientNode, Tensor } from "../tensor/tensor.js";

/** Whether a tensor is float32, the only dtype that has gradients. */
export function isFloat(tensor: AnyTensor): tensor is Tensor {
	return tensor.dtype === "float32";
}

/**
 * Records the operation as `record` does, if all its tensors are float32.
 *
 * @param reads the tensors whose elements the backward pass reads, of the float32 inputs
 * @param backward from the gradient of the output to those of the float32 inputs
 */
export function recordFloats<D extends DType>(
	operation: string,
	out: Tensor<D>,
	inputs: readonly AnyTensor[],
	reads: (floats: readonly Tensor[]) => readonly AnyTensor[],
	backward: (gradient: Tensor, floats: readonly Tensor[]) => ReturnType<GradientNode["backward"]>,
): Tensor<D> {
	if (!isFloat(out) || !inputs.every(isFloat)) return out;
	record(operation, out, inputs, reads(inputs), (gradient) => backward(gradient, inputs));
	return out;
}
