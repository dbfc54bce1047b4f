import argReduceKernel from "../../kernels/arg_reduce.wgsl";
import { checkOptions, isPlainObject, wrongArgument } from "../base/arguments.js";
import { type Shape, sizeOf } from "../base/shape.js";
import { checkAnyTensor } from "../tensor/check_tensor.js";
import type { AnyTensor, Tensor } from "../tensor/tensor.js";
import { dtypeCodes } from "./dtype_codes.js";
import { checkNotEmpty, planAxes, reductionOptions } from "./reduction.js";

/** Elements of a lane from which on a reduction is split over workgroups; also the most splits. */
const perLane = 128;
/** Invocations from which on there are enough of them. */
const enough = 2 ** 16;

export interface ArgReductionOptions {
	/** The axis (default: all elements, row-major); −1 is the last one. */
	readonly axis?: number | undefined;
	/** Whether the result has the axis, of length 1 (default false). */
	readonly keepDim?: boolean;
}

/** Along the middle one of three axes. @param candidates positions in it, of which the best is chosen */
function launchArgReduce(
	x: AnyTensor,
	[k1, length, k2]: readonly [number, number, number],
	largest: boolean,
	to: Shape,
	candidates?: AnyTensor,
): Tensor<"uint32"> {
	const { gpu } = x;
	const results = k1 * k2;
	const count = candidates?.shape[0] ?? length;
	const tree = gpu.variants[0] !== "blocked";
	const lanes = k2 >= 32 || count === 1 ? 1 : tree ? 64 : results >= 256 || count <= perLane ? 1 : 8;
	const splits = Math.max(1, Math.min(perLane, Math.ceil(count / (lanes * perLane)), Math.ceil(enough / results)));
	const parts = tree ? splits : splits * lanes;
	return gpu.scope(() => {
		const out = gpu.empty(parts === 1 ? to : [parts, results], "uint32");
		gpu.launch(argReduceKernel, {
			constants: {
				LARGEST: largest ? 1 : 0,
				TYPE: dtypeCodes[x.dtype],
				LANES: lanes,
				TREE: tree ? 1 : 0,
				CANDIDATES: candidates === undefined ? 0 : 1,
			},
			bindings: [x, candidates ?? x, out].map((tensor) => tensor.memory()),
			uniforms: { k1, length, k2, count, splits },
			workgroups: Math.ceil((splits * results * lanes) / 64),
		});
		return parts === 1 ? out : launchArgReduce(x, [k1, length, k2], largest, to, out);
	});
}

function argReduced(
	operation: string,
	x: AnyTensor,
	over: number | ArgReductionOptions | undefined,
	largest: boolean,
): Tensor<"uint32"> {
	checkAnyTensor(operation, "x", x);
	const options: ArgReductionOptions = isPlainObject(over) ? over : { axis: over as number | undefined };
	checkOptions(operation, options, reductionOptions);
	const { axis: wanted, keepDim } = options;
	if (wanted !== undefined && typeof wanted !== "number")
		throw wrongArgument(operation, "axis", "a whole number", wanted);
	const plan = planAxes(operation, x.shape, { axis: wanted, ...(keepDim !== undefined && { keepDim }) });
	checkNotEmpty(operation, x, plan);
	const axis = plan.reduced.indexOf(true);
	const all = wanted === undefined;
	const outer = all ? 1 : sizeOf(x.shape.slice(0, axis));
	const inner = all ? 1 : sizeOf(x.shape.slice(axis + 1));
	return launchArgReduce(x, [outer, plan.count, inner], largest, plan.shape);
}

/**
 * The position of the largest element, of all or along an axis, as torch.argmax; the lowest among equals. A NaN
 * counts as the largest.
 *
 * @param x any dtype, any shape
 * @param over the axis, which the result does not have (default: all elements, row-major), −1 is the last one; or
 * { axis, keepDim }
 * @returns uint32
 * @throws ArgumentError if x has no such axis, ShapeError if there are no elements
 * @example
 * const classes = argmax(logits, 1); // [N, C] → [N]
 */
export function argmax(x: AnyTensor, over?: number | ArgReductionOptions): Tensor<"uint32"> {
	return argReduced("argmax", x, over, true);
}

/** The position of the smallest element, as torch.argmin; arguments and errors as for `argmax`. */
export function argmin(x: AnyTensor, over?: number | ArgReductionOptions): Tensor<"uint32"> {
	return argReduced("argmin", x, over, false);
}
