import { runBackward } from "../autograd/tape.js";
import { wrongArgument } from "../base/arguments.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Tensor } from "../tensor/tensor.js";
import { launchBinary } from "./binary.js";

/**
 * Adds the gradient of a loss to the `grad` of every parameter that it depends on, as torch.Tensor.backward. If it throws, no
 * gradient has changed.
 *
 * @param loss float32, one element
 * @throws GradientError if the loss has more elements, depends on no parameter or was computed inside `noGrad`, or if a tensor
 * that the backward pass reads was overwritten; DisposedError if such a tensor was disposed of
 * @example
 * gpu.scope(() => {
 *   backward(mseLoss(model.forward(x), y));
 *   optimizer.step();
 *   optimizer.zeroGrad();
 * });
 */
export function backward(loss: Tensor): void {
	if (typeof loss === "number")
		throw wrongArgument("backward", "loss", "a tensor", loss, "pass the loss itself, not what loss.item() reads");
	checkTensor("backward", "loss", loss, "float32");
	runBackward(loss, (a, b) => launchBinary("add", a, b));
}
