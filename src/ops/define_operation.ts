import { noGrad, record } from "../autograd/tape.js";
import { checkFunction, checkOptions, wrongArgument } from "../base/arguments.js";
import { ArgumentError, GradientError } from "../base/errors.js";
import { checkAnyTensor } from "../tensor/check_tensor.js";
import { type AnyTensor, Tensor } from "../tensor/tensor.js";
import { commonGpu } from "./check.js";
import { isFloat } from "./record.js";

/** An operation of one's own; see `defineOperation`. */
export interface OperationDefinition<Args extends readonly unknown[], Result extends AnyTensor> {
	/** For messages. */
	readonly name: string;
	/**
	 * Computes the result with kernels or other operations. What it makes besides is freed. It must not wait.
	 *
	 * @param args those of the operation: tensors and whatever else it needs
	 */
	readonly forward: (...args: Args) => Result;
	/**
	 * Computes the gradients of the tensors among the arguments, in their order; null for one that needs none, and for integers.
	 * Without it the operation has no gradient.
	 *
	 * @param gradient that of the result, float32, its shape
	 * @param result what `forward` returned
	 */
	readonly backward?: (gradient: Tensor, result: Tensor, ...args: Args) => readonly (Tensor | null)[];
}

/**
 * An operation of one's own with a backward pass, as torch.autograd.Function. It works as the library's own do: eagerly and in
 * captured steps, and with tensors of any layout, whose `memory()` is row-major.
 *
 * @returns the operation, a function of the arguments of `forward`
 * @throws ArgumentError if the definition is not complete. The operation throws ArgumentError if `forward` returns no tensor;
 * `backward` throws GradientError if there is not one gradient for each tensor, or one has another shape than its tensor
 * @example
 * const cube = defineOperation({
 *   name: "cube",
 *   forward: (x) => mul(x, mul(x, x)),
 *   backward: (gradient, result, x) => [mul(gradient, mul(3, mul(x, x)))],
 * });
 * const y = cube(x);
 */
export function defineOperation<Args extends readonly unknown[], Result extends AnyTensor = Tensor>(
	definition: OperationDefinition<Args, Result>,
): (...args: Args) => Result {
	const caller = "defineOperation";
	checkOptions(caller, definition, ["name", "forward", "backward"]);
	const { name, forward, backward } = definition;
	if (typeof name !== "string" || name === "") throw wrongArgument(caller, "name", "text", name);
	checkFunction(caller, "forward", forward);
	if (backward !== undefined) checkFunction(caller, "backward", backward);
	return (...args) => {
		const tensors = args.filter((value) => value instanceof Tensor) as AnyTensor[];
		for (const [i, tensor] of tensors.entries()) checkAnyTensor(name, `tensor ${i + 1}`, tensor);
		const [first, ...others] = tensors;
		if (first === undefined) throw new ArgumentError(`${name}: one of the arguments must be a tensor.`);
		const gpu = commonGpu(name, first, ...others);
		const made = gpu.scope(() => noGrad(() => forward(...args)));
		if (!(made instanceof Tensor)) throw wrongArgument(name, "what forward returns", "a tensor", made);
		const result = (tensors.includes(made) ? made.share() : made) as Result;
		const floats = tensors.filter(isFloat);
		if (!isFloat(result)) return result;
		record(name, result, floats, [...tensors, result], (gradient) => {
			if (backward === undefined)
				throw new GradientError(`${name}: the operation has no backward pass: give one to defineOperation.`);
			const gradients = gpu.scope(() => backward(gradient, result, ...args));
			if (!Array.isArray(gradients) || gradients.length !== tensors.length)
				throw new GradientError(
					`${name}: backward must return an array of ${tensors.length} gradients, one for each tensor or null, but returned ${Array.isArray(gradients) ? gradients.length : typeof gradients}.`,
				);
			return gradients.filter((_, i) => isFloat(tensors[i])).map((each) => checkedGradient(name, each, gradient));
		});
		return result;
	};
}

/** A gradient that `backward` may dispose of. @throws GradientError unless it is a float32 tensor or null */
function checkedGradient(name: string, gradient: unknown, ofResult: Tensor): Tensor | null {
	if (gradient === null || gradient === undefined) return null;
	if (!(gradient instanceof Tensor) || !isFloat(gradient))
		throw new GradientError(`${name}: backward must return float32 tensors or null, but returned ${String(gradient)}.`);
	return gradient === ofResult ? gradient.share() : gradient;
}
