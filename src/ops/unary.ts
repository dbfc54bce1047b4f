import unaryKernel from "../../kernels/unary.wgsl";
import unaryGradKernel from "../../kernels/unary_grad.wgsl";
import { checkNumber, checkOptions, checkWord } from "../base/arguments.js";
import { ArgumentError } from "../base/errors.js";
import { checkAnyTensor } from "../tensor/check_tensor.js";
import type { DType } from "../tensor/dtype.js";
import type { AnyTensor, Tensor } from "../tensor/tensor.js";
import { launchBinary } from "./binary.js";
import { launchCast } from "./cast.js";
import { launchCompare } from "./compare.js";
import { launchElementwise } from "./elementwise.js";
import { operandsOf, scalarOf } from "./operands.js";
import { isFloat, recordFloats } from "./record.js";
import { launchScale } from "./scale.js";

/** The values of OPERATION in kernels/unary.wgsl and kernels/unary_grad.wgsl. */
const operations = {
	neg: 0,
	abs: 1,
	sign: 2,
	exp: 3,
	log: 4,
	sqrt: 5,
	square: 6,
	reciprocal: 7,
	sin: 8,
	cos: 9,
	tanh: 10,
	sigmoid: 11,
	silu: 12,
	gelu: 13,
	geluTanh: 14,
	leakyRelu: 15,
	elu: 16,
	softplus: 17,
	clamp: 18,
	floor: 19,
	round: 20,
} as const;

type Name = keyof typeof operations;

/** Those whose backward pass reads the output, not the input. */
const readsOutput: readonly Name[] = ["exp", "sqrt", "reciprocal", "tanh", "sigmoid"];
/** Those whose gradient is 0. */
const constantInParts: readonly Name[] = ["sign", "floor", "round"];

/** The uniform of both kernels. */
interface Settings {
	readonly a: number;
	readonly b: number;
}

const noSettings: Settings = { a: 0, b: 0 };

export function launchUnary(operation: Name, x: Tensor, settings = noSettings): Tensor {
	if (x.size === 0) return x.gpu.empty(x.shape);
	return launchElementwise(unaryKernel, [x], { OPERATION: operations[operation] }, { ...settings });
}

/** The gradient of x, from what the backward pass reads: x or the output. */
function gradientOf(operation: Name, read: Tensor, dy: Tensor, settings: Settings): Tensor {
	if (operation === "neg") return launchScale(dy, -1);
	if (constantInParts.includes(operation)) return dy.gpu.zeros(dy.shape);
	return launchElementwise(unaryGradKernel, [read, dy], { OPERATION: operations[operation] }, { ...settings });
}

/**
 * An operation on float32, recorded.
 *
 * @param caller for messages
 */
function elementwise(caller: string, operation: Name, x: Tensor, settings = noSettings): Tensor {
	checkAnyTensor(caller, "x", x, "float32");
	const y = launchUnary(operation, x, settings);
	const read = readsOutput.includes(operation) ? y : x;
	const reads = operation === "neg" || constantInParts.includes(operation) ? [] : [read];
	return recordFloats(
		caller,
		y,
		[x],
		() => reads,
		(dy) => [gradientOf(operation, read, dy, settings)],
	);
}

/** An operation that integers have too: `ofIntegers` computes it from others. */
function elementwiseOfAny<D extends DType>(
	operation: Name,
	x: Tensor<D>,
	ofIntegers: (x: Tensor<D>, constant: (value: number) => Tensor<D>) => Tensor<D>,
): Tensor<D> {
	checkAnyTensor(operation, "x", x);
	if (isFloat(x)) return elementwise(operation, operation, x) as AnyTensor as Tensor<D>;
	return x.gpu.scope(() => ofIntegers(x, (value) => scalarOf(x.gpu, value, x.dtype)));
}

/** −x, elementwise, as torch.neg. @param x any dtype, any shape */
export function neg<D extends DType = "float32">(x: Tensor<D>): Tensor<D> {
	return elementwiseOfAny("neg", x, (x, constant) => launchBinary("sub", constant(0), x));
}

/** |x|, elementwise, as torch.abs; the gradient at 0 is 0. @param x any dtype, any shape */
export function abs<D extends DType = "float32">(x: Tensor<D>): Tensor<D> {
	return elementwiseOfAny("abs", x, (x, constant) =>
		x.dtype === "uint32" ? x.share() : launchBinary("maximum", x, launchBinary("sub", constant(0), x)),
	);
}

/** 1 for positive elements, −1 for negative ones, 0 for 0, as torch.sign; the gradient is 0. @param x any dtype, any shape */
export function sign<D extends DType = "float32">(x: Tensor<D>): Tensor<D> {
	return elementwiseOfAny("sign", x, (x, constant) => {
		const [above, below] = (["greater", "less"] as const).map((name) =>
			launchCast(launchCompare(name, x, constant(0)), x.dtype),
		);
		return launchBinary("sub", above, below);
	});
}

/** x², elementwise, as torch.square. @param x any dtype, any shape */
export function square<D extends DType = "float32">(x: Tensor<D>): Tensor<D> {
	return elementwiseOfAny("square", x, (x) => launchBinary("mul", x, x));
}

/** eˣ, elementwise, as torch.exp. @param x float32, any shape @throws DTypeError if x is not float32 */
export function exp(x: Tensor): Tensor {
	return elementwise("exp", "exp", x);
}

/** The natural logarithm, elementwise, as torch.log: −∞ of 0, NaN of what is negative. @param x float32, any shape */
export function log(x: Tensor): Tensor {
	return elementwise("log", "log", x);
}

/** √x, elementwise, as torch.sqrt: NaN of what is negative. @param x float32, any shape */
export function sqrt(x: Tensor): Tensor {
	return elementwise("sqrt", "sqrt", x);
}

/** 1 / x, elementwise, as torch.reciprocal. @param x float32, any shape */
export function reciprocal(x: Tensor): Tensor {
	return elementwise("reciprocal", "reciprocal", x);
}

/** The sine of radians, elementwise, as torch.sin. @param x float32, any shape */
export function sin(x: Tensor): Tensor {
	return elementwise("sin", "sin", x);
}

/** The cosine of radians, elementwise, as torch.cos. @param x float32, any shape */
export function cos(x: Tensor): Tensor {
	return elementwise("cos", "cos", x);
}

/** The hyperbolic tangent, elementwise, as torch.tanh. @param x float32, any shape */
export function tanh(x: Tensor): Tensor {
	return elementwise("tanh", "tanh", x);
}

/** 1 / (1 + e⁻ˣ), elementwise, as torch.sigmoid. @param x float32, any shape */
export function sigmoid(x: Tensor): Tensor {
	return elementwise("sigmoid", "sigmoid", x);
}

/** x · sigmoid(x), elementwise, as torch.nn.functional.silu. @param x float32, any shape */
export function silu(x: Tensor): Tensor {
	return elementwise("silu", "silu", x);
}

export interface GELUOptions {
	/** "tanh": the approximation by a hyperbolic tangent that GPT-2 uses; "none" (default): the normal distribution itself. */
	readonly approximate?: "none" | "tanh";
}

/** @throws ArgumentError unless they are options of `gelu` */
export function checkGELUOptions(caller: string, options: GELUOptions): void {
	checkOptions(caller, options, ["approximate"]);
	const { approximate = "none" } = options;
	checkWord(caller, "approximate", approximate, ["none", "tanh"]);
}

/**
 * x · Φ(x), with Φ the cumulative normal distribution, elementwise, as torch.nn.functional.gelu (Hendrycks &
 * Gimpel, "Gaussian error linear units", 2016).
 *
 * @param x float32, any shape
 * @throws DTypeError if x is not float32, ArgumentError
 */
export function gelu(x: Tensor, options: GELUOptions = {}): Tensor {
	checkGELUOptions("gelu", options);
	return elementwise("gelu", options.approximate === "tanh" ? "geluTanh" : "gelu", x);
}

export interface LeakyReLUOptions {
	/** The slope for negative elements (default 0.01). */
	readonly negativeSlope?: number;
}

/** x, and negativeSlope · x if x is negative, elementwise, as torch.nn.functional.leaky_relu. @param x float32, any shape */
export function leakyRelu(x: Tensor, options: LeakyReLUOptions = {}): Tensor {
	checkOptions("leakyRelu", options, ["negativeSlope"]);
	const { negativeSlope = 0.01 } = options;
	checkNumber("leakyRelu", "negativeSlope", negativeSlope);
	return elementwise("leakyRelu", "leakyRelu", x, { a: negativeSlope, b: 0 });
}

export interface ELUOptions {
	/** What large negative elements approach, negated (default 1). */
	readonly alpha?: number;
}

/** x, and alpha · (eˣ − 1) if x is negative, elementwise, as torch.nn.functional.elu. @param x float32, any shape */
export function elu(x: Tensor, options: ELUOptions = {}): Tensor {
	checkOptions("elu", options, ["alpha"]);
	const { alpha = 1 } = options;
	checkNumber("elu", "alpha", alpha);
	return elementwise("elu", "elu", x, { a: alpha, b: 0 });
}

export interface SoftplusOptions {
	/** How sharp the bend at 0 is (default 1). */
	readonly beta?: number;
	/** From this value of beta · x on the result is x (default 20). */
	readonly threshold?: number;
}

/** log(1 + e^(beta · x)) / beta, elementwise, as torch.nn.functional.softplus. @param x float32, any shape */
export function softplus(x: Tensor, options: SoftplusOptions = {}): Tensor {
	checkOptions("softplus", options, ["beta", "threshold"]);
	const { beta = 1, threshold = 20 } = options;
	checkNumber("softplus", "beta", beta, { above: 0 });
	checkNumber("softplus", "threshold", threshold);
	return elementwise("softplus", "softplus", x, { a: beta, b: threshold });
}

export interface ClampOptions {
	/** The smallest value (default: none, −∞). */
	readonly min?: number;
	/** The largest value (default: none, ∞). */
	readonly max?: number;
}

/**
 * The elements limited to [min, max], as torch.clamp. The gradient is 0 outside of it.
 *
 * @param x any dtype, any shape
 * @throws ArgumentError unless one of the limits is given, they are numbers that the dtype can hold, and min is
 * at most max
 * @example
 * const pixels = clamp(x, { min: 0, max: 1 });
 */
export function clamp<D extends DType = "float32">(x: Tensor<D>, options: ClampOptions): Tensor<D> {
	checkAnyTensor("clamp", "x", x);
	checkOptions("clamp", options, ["min", "max"]);
	const { min, max } = options;
	if (min === undefined && max === undefined) throw new ArgumentError("clamp: min, max or both must be given.");
	const [none, unlimited] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
	if (min !== undefined && min !== none && min !== unlimited) checkNumber("clamp", "min", min);
	if (max !== undefined && max !== none && max !== unlimited) checkNumber("clamp", "max", max);
	if (min !== undefined && max !== undefined && min > max)
		throw new ArgumentError(`clamp: min must be at most max, but is ${min}, and max is ${max}.`);
	if (isFloat(x))
		return elementwise("clamp", "clamp", x, { a: min ?? none, b: max ?? unlimited }) as AnyTensor as Tensor<D>;
	const limits = { min: min === none ? undefined : min, max: max === unlimited ? undefined : max };
	return x.gpu.scope(() => {
		const [, low] = operandsOf("clamp", { x, min: limits.min ?? 0 });
		const [, high] = operandsOf("clamp", { x, max: limits.max ?? 0 });
		const raised = limits.min === undefined ? x.share() : launchBinary("maximum", x, low);
		return limits.max === undefined ? raised : launchBinary("minimum", raised, high);
	});
}

/** The largest whole number that is at most x, elementwise, as torch.floor; the gradient is 0. @param x float32, any shape */
export function floor(x: Tensor): Tensor {
	return elementwise("floor", "floor", x);
}

/** The nearest whole number, the even one of two, elementwise, as torch.round; the gradient is 0. @param x float32, any shape */
export function round(x: Tensor): Tensor {
	return elementwise("round", "round", x);
}
