import { checkArray, checkFunction, checkNumber, checkOptions, wrongArgument } from "../base/arguments.js";
import { GradientError } from "../base/errors.js";
import { Random } from "../base/random.js";
import { formatShape } from "../base/shape.js";
import { checkTensor } from "../tensor/check_tensor.js";
import { type Gpu, type Parameter, Tensor } from "../tensor/tensor.js";
import { backward } from "./backward.js";
import { mul } from "./binary.js";
import { commonGpu } from "./check.js";
import { sum } from "./sum.js";

export interface GradCheckOptions {
	/** By how much an element is changed for the difference quotient (default 1e-2). */
	readonly eps?: number;
	/** The difference that is tolerated: atol + rtol · |difference quotient| (defaults 1e-2 and 1e-2). */
	readonly atol?: number;
	readonly rtol?: number;
	/** Elements of each input that are checked, at most; chosen by chance if there are more (default 100). */
	readonly samples?: number;
	/** Decides the weights of the results and which elements are checked (default 0). */
	readonly seed?: number;
}

/**
 * Compares gradients with difference quotients, as torch.autograd.gradcheck: those of Σ w · fn(inputs) for random weights w, by
 * the elements of the inputs. In float32, so use small numbers, small tensors, and smooth points.
 *
 * @param fn a function of the inputs whose result is one float32 tensor
 * @param inputs float32 tensors
 * @throws GradientError if one gradient is wrong; the message has the input, the element and both numbers. ArgumentError,
 * DTypeError
 * @example
 * await gradCheck((x) => swish(x, 2), [gpu.randn([3, 5])]);
 */
export async function gradCheck(
	fn: (...inputs: Tensor[]) => Tensor,
	inputs: readonly Tensor[],
	options: GradCheckOptions = {},
): Promise<void> {
	const name = "gradCheck";
	checkFunction(name, "fn", fn);
	checkArray(name, "inputs", inputs, "an array of tensors");
	for (const [i, input] of inputs.entries()) checkTensor(name, `inputs[${i}]`, input, "float32");
	const [first, ...others] = inputs;
	if (first === undefined) throw wrongArgument(name, "inputs", "an array of at least one tensor", inputs);
	const gpu = commonGpu(name, first, ...others);
	checkOptions(name, options, ["eps", "atol", "rtol", "samples", "seed"]);
	const { eps = 1e-2, atol = 1e-2, rtol = 1e-2, samples = 100, seed = 0 } = options;
	checkNumber(name, "eps", eps, { above: 0 });
	checkNumber(name, "atol", atol, { least: 0 });
	checkNumber(name, "rtol", rtol, { least: 0 });
	checkNumber(name, "samples", samples, { least: 1, whole: true });
	checkNumber(name, "seed", seed, { whole: true });
	const random = new Random(seed);
	const data = (await gpu.readAll(inputs)) as Float32Array[];
	const parameters = data.map((values, i) => gpu.parameter(values, inputs[i].shape));
	try {
		const result = gpu.scope(() => fn(...parameters));
		if (!(result instanceof Tensor)) throw wrongArgument(name, "what fn returns", "a tensor", result);
		const weights = Float32Array.from({ length: result.size }, () => random.uniform(-1, 1));
		const { shape } = result;
		result.dispose();
		gpu.scope(() => backward(sum(mul(fn(...parameters), gpu.tensor(weights, shape)))));
		for (const [i, parameter] of parameters.entries()) {
			if (!parameter.hasGrad)
				throw new GradientError(`${name}: backward gives inputs[${i}] no gradient: the result must depend on it.`);
			const gradient = await parameter.grad.data();
			const order = random.permutation(parameter.size).slice(0, samples);
			for (const element of order) {
				const valueAt = (value: number) => weightedSum(gpu, fn, parameters, weights, i, data[i], element, value);
				const above = Math.fround(data[i][element] + eps);
				const below = Math.fround(data[i][element] - eps);
				const quotient = ((await valueAt(above)) - (await valueAt(below))) / (above - below);
				const difference = Math.abs(gradient[element] - quotient);
				if (!(difference <= atol + rtol * Math.abs(quotient)))
					throw new GradientError(
						`${name}: the gradient of element ${element} of inputs[${i}] ${formatShape(parameter.shape)} is ${gradient[element]}, but the difference quotient is ${quotient}.`,
					);
			}
		}
	} finally {
		for (const parameter of parameters) parameter.dispose();
	}
}

/** Σ w · fn with one element of one input replaced; added up on the host, in float64. */
async function weightedSum(
	gpu: Gpu,
	fn: (...inputs: Tensor[]) => Tensor,
	parameters: readonly Parameter[],
	weights: Float32Array,
	input: number,
	data: Float32Array,
	element: number,
	value: number,
): Promise<number> {
	gpu.upload(parameters[input], data.with(element, value));
	const result = gpu.scope(() => fn(...parameters));
	const values = await result.data();
	result.dispose();
	gpu.upload(parameters[input], data);
	return values.reduce((sum, each, i) => sum + each * weights[i], 0);
}
