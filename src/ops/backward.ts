import { runBackward } from "../autograd/tape.js";
import { wrongArgument } from "../base/arguments.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Tensor } from "../tensor/tensor.js";
import { launchBinary } from "./binary.js";

/**
 * Adds the gradient of a loss to the `grad` of every parameter that it depends on. Where something fails, no
 * parameter's gradient has changed.
 *
 * @param loss a tensor of one element
 * @throws GradientError where the loss has more elements, depends on no parameter or was computed inside `noGrad`;
 * DisposedError where a tensor that the way back needs was disposed of.
 */
export function backward(loss: Tensor): void {
	if (typeof loss === "number")
		throw wrongArgument("backward", "loss", "a tensor", loss, "pass the loss itself, not what loss.item() reads");
	checkTensor("backward", "loss", loss, "float32");
	runBackward(loss, (a, b) => launchBinary("add", a, b));
}
