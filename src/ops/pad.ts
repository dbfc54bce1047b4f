import padKernel from "../../kernels/pad.wgsl";
import { checkArray, checkNumber, checkOptions, wrongArgument } from "../base/arguments.js";
import { ArgumentError, ShapeError } from "../base/errors.js";
import { formatShape } from "../base/shape.js";
import { checkAnyTensor } from "../tensor/check_tensor.js";
import { arrays, type DType } from "../tensor/dtype.js";
import { checkElement } from "../tensor/host_data.js";
import type { Tensor } from "../tensor/tensor.js";
import { constantsOf, sizeConstants } from "./axes.js";
import { launchElements } from "./launch.js";
import { recordFloats } from "./record.js";

/** Axes that kernels/pad.wgsl can index. */
const kernelAxes = 6;

const noPadding = constantsOf("before", Array<number>(kernelAxes).fill(0), kernelAxes);

/** What is put around an axis of x, and between its elements. */
export interface AxisPadding {
	/** Elements of the result. */
	readonly size: number;
	/** Elements before the first one of x; negative if x's first ones are left out. */
	readonly before: number;
	/** From an element of x to the next. */
	readonly step: number;
}

/** A tensor with x in it, surrounded by a value. */
export function launchPad<D extends DType>(
	operation: string,
	x: Tensor<D>,
	paddings: readonly AxisPadding[],
	value = 0,
): Tensor<D> {
	const out = x.gpu.empty(
		paddings.map(({ size }) => size),
		x.dtype,
	);
	// Neighbouring axes without padding are one.
	const axes: (AxisPadding & { readonly length: number })[] = [];
	for (const [i, padding] of paddings.entries()) {
		const length = x.shape[i];
		const last = axes.at(-1);
		const plain = padding.step === 1 && padding.before === 0 && padding.size === length;
		const lastIsPlain = last?.step === 1 && last.before === 0 && last.size === last.length;
		if (plain && lastIsPlain)
			axes[axes.length - 1] = { ...last, size: last.size * length, length: last.length * length };
		else axes.push({ ...padding, length });
	}
	if (axes.length > kernelAxes)
		throw new ArgumentError(
			`${operation}: at most ${kernelAxes} groups of axes can be padded, but x has shape ${formatShape(x.shape)}.`,
		);
	const shape = axes.map(({ size }) => size);
	const before = constantsOf(
		"before",
		axes.map((axis) => axis.before),
		kernelAxes,
	);
	launchElements(padKernel, out.size / 4, [x, out], {
		constants: {
			...sizeConstants(shape, kernelAxes),
			...constantsOf(
				"LENGTH_",
				axes.map(({ length }) => length),
				kernelAxes,
			),
			...constantsOf(
				"STEP_",
				axes.map(({ step }) => step),
				kernelAxes,
			),
		},
		uniforms: { value: new Uint32Array(arrays[x.dtype].of(value).buffer)[0], ...noPadding, ...before },
	});
	return out;
}

export interface PadOptions {
	/** What x is surrounded by (default 0). */
	readonly value?: number;
}

/**
 * x surrounded by a value, as torch.nn.functional.pad with mode "constant", or numpy.pad.
 *
 * @param x any dtype, any shape
 * @param padding [before, after] for each axis, the first axis first; a negative number leaves out elements
 * @throws ArgumentError unless there is a pair of whole numbers for each axis, ShapeError if more is left out than there is
 * @example
 * const framed = pad(images, [[0, 0], [0, 0], [2, 2], [2, 2]], { value: 1 }); // [N, C, H, W] → [N, C, H + 4, W + 4]
 */
export function pad<D extends DType = "float32">(
	x: Tensor<D>,
	padding: readonly (readonly [before: number, after: number])[],
	options: PadOptions = {},
): Tensor<D> {
	checkAnyTensor("pad", "x", x);
	const wanted = `[before, after] for each axis of shape ${formatShape(x.shape)}`;
	checkArray("pad", "padding", padding, wanted);
	const isPair = (pair: unknown) => Array.isArray(pair) && pair.length === 2 && pair.every(Number.isInteger);
	if (padding.length !== x.shape.length || !Array.from(padding).every(isPair))
		throw wrongArgument("pad", "padding", wanted, padding);
	checkOptions("pad", options, ["value"]);
	const { value = 0 } = options;
	if (x.dtype === "float32" && Number.isFinite(value)) checkNumber("pad", "value", value);
	checkElement("pad", "value", value, x.dtype);
	const paddings = padding.map(([before, after], axis) => ({ size: x.shape[axis] + before + after, before, step: 1 }));
	if (paddings.some(({ size }) => size < 0))
		throw new ShapeError(
			`pad: padding ${JSON.stringify(padding)} leaves out more than shape ${formatShape(x.shape)} has.`,
		);
	return recordFloats(
		"pad",
		launchPad("pad", x, paddings, value),
		[x],
		() => [],
		(gradient) => [
			launchPad(
				"pad",
				gradient,
				padding.map(([before], axis) => ({ size: x.shape[axis], before: -before, step: 1 })),
			),
		],
	);
}
