import { checkArray, checkNumber, wrongArgument } from "../base/arguments.js";
import { launchBinary } from "../ops/binary.js";
import { cat } from "../ops/cat.js";
import { commonGpu } from "../ops/check.js";
import { launchReducedSum } from "../ops/sum.js";
import { launchUnary } from "../ops/unary.js";
import { checkParameter } from "../tensor/check_tensor.js";
import type { Parameter, Tensor } from "../tensor/tensor.js";

/**
 * Multiplies all gradients by maxNorm / norm if their norm is larger than maxNorm, as torch.nn.utils.clip_grad_norm_. The norm is
 * that of all gradients as one vector. Nothing is read back: it works in a captured step.
 *
 * @param parameters those without a gradient are left out
 * @returns float32, a scalar: the norm before. It is NaN if a gradient has a NaN, and then all gradients become NaN
 * @throws ArgumentError, DeviceMismatchError
 * @example
 * backward(loss);
 * clipGradNorm(model.parameters(), 1);
 * optimizer.step();
 */
export function clipGradNorm(parameters: readonly Parameter[], maxNorm: number): Tensor {
	const name = "clipGradNorm";
	checkArray(name, "parameters", parameters, "an array of parameters", "write clipGradNorm(model.parameters(), 1)");
	for (const [i, parameter] of parameters.entries()) checkParameter(name, `parameters[${i}]`, parameter);
	const [first, ...others] = parameters;
	if (first === undefined) throw wrongArgument(name, "parameters", "an array of at least one parameter", parameters);
	const gpu = commonGpu(name, first, ...others);
	checkNumber(name, "maxNorm", maxNorm, { least: 0 });
	const withGradient = [...new Set(parameters)].filter(({ hasGrad }) => hasGrad);
	return gpu.scope(() => {
		if (withGradient.length === 0) return gpu.zeros([]);
		const squares = withGradient.map(({ grad }) => {
			const all = grad.shape.map(() => true);
			return launchReducedSum(launchBinary("mul", grad, grad), all, [1], 1);
		});
		const norm = launchUnary("sqrt", launchReducedSum(cat(squares), [true], [], 1));
		// PyTorch's formula: maxNorm / (norm + 1e-6), at most 1.
		const ratio = launchBinary("div", gpu.constant(maxNorm), launchBinary("add", norm, gpu.constant(1e-6)));
		const factor = launchBinary("minimum", ratio, gpu.constant(1));
		for (const parameter of withGradient) parameter.setGrad(launchBinary("mul", parameter.grad, factor));
		return norm;
	});
}
