import binaryKernel from "../../kernels/binary.wgsl";
import sumKernel from "../../kernels/sum.wgsl";
import sumAllKernel from "../../kernels/sum_all.wgsl";
import { record } from "../autograd/tape.js";
import type { Shape } from "../base/shape.js";
import type { SumPlan } from "../gpu/blocked_sums.js";
import type { DType } from "../tensor/dtype.js";
import type { AnyTensor, Tensor } from "../tensor/tensor.js";
import { launchBroadcast } from "./broadcast.js";
import { isFloat } from "./record.js";
import { launchReduce } from "./reduce.js";
import { alternate, checkNotEmpty, planReduction, type Reduction, type ReductionPlan } from "./reduction.js";
import { launchScale } from "./scale.js";

/** OPERATION of kernels/binary.wgsl. */
const product = 2;

/** A tensor read as four axes [r1, k1, r2, k2]: it is summed over the r, and the k are kept. */
export interface SumView {
	readonly r1?: number;
	readonly k1?: number;
	readonly r2?: number;
	readonly k2?: number;
}

/**
 * Summands of a lane from which on a sum is split over several workgroups; also the most splits, so that one lane adds up the
 * parts.
 */
const summandsPerLane = 128;

/** kernels/sum.wgsl for a view. */
function planPortable({ r1 = 1, k1 = 1, r2 = 1, k2 = 1 }: SumView): SumPlan {
	const outputs = k1 * k2;
	const lanes = lanesFor(k2);
	const bySummands = Math.ceil((r1 * r2) / (lanes * summandsPerLane));
	const parts = Math.max(1, Math.min(summandsPerLane, bySummands, Math.ceil(65536 / outputs)));
	return {
		kernel: sumKernel,
		inputs: 1,
		outputs,
		parts,
		constants: { OUTPUTS: 64 / lanes, LANES: lanes },
		uniforms: { r1, k1, r2, k2, splits: parts },
		workgroups: parts * Math.ceil((outputs * lanes) / 64),
	};
}

/** factor · the sum of x over the r axes of the view, as a tensor of shape `to`. */
export function launchSum(x: Tensor, view: SumView, to: Shape, factor = 1): Tensor {
	const { gpu } = x;
	const portable = planPortable(view);
	const blocked = gpu.variants[0] === "blocked" ? gpu.blockedKernels.planSums(view, portable.parts) : undefined;
	const { kernel, outputs, parts, inputs, uniforms, ...launch } = blocked ?? portable;
	const last = parts === 1;
	return gpu.scope(() => {
		const out = gpu.empty(last ? to : [parts, outputs]);
		const from = x.memory();
		gpu.launch(kernel, {
			...launch,
			bindings: [...Array(inputs).fill(from), out.memory()],
			uniforms: { ...uniforms, factor: last ? factor : 1 },
		});
		return last ? out : launchSum(out, { r2: parts, k2: outputs }, to, factor);
	});
}

/** Elements from which on the sum of all is computed from vectors; vectors that a workgroup adds up. */
const leastForVectors = 2 ** 16;
const chunk = 4096;

/** factor · the sum of all elements, as a tensor of shape `to`. */
function launchSumAll(x: Tensor, to: Shape, factor: number): Tensor {
	const { gpu } = x;
	if (x.size < leastForVectors) return launchSum(x, { r2: x.size }, to, factor);
	return gpu.scope(() => {
		const workgroups = Math.ceil(x.size / (4 * chunk));
		const partial = gpu.empty([workgroups, 64]);
		const bindings = [x, x, partial].map((tensor) => tensor.memory());
		gpu.launch(sumAllKernel, { constants: { CHUNK: chunk }, bindings, workgroups });
		return launchSum(partial, { r2: partial.size }, to, factor);
	});
}

/** Lanes that compute one sum together: one if neighbouring sums read neighbouring words. */
function lanesFor(k2: number): number {
	return k2 >= 32 ? 1 : 64;
}

/** factor · the sum over the first of alternating axes, the third, and so on; as a tensor of shape `to`. */
function launchSumOver(x: Tensor, lengths: readonly number[], to: Shape, factor: number): Tensor {
	const [r1, k1 = 1, r2 = 1, k2 = 1] = lengths;
	if (lengths.length === 1) return launchSumAll(x, to, factor);
	if (lengths.length === 2) return launchSum(x, { r2: r1, k2: k1 }, to, factor);
	if (lengths.length <= 4) return launchSum(x, { r1, k1, r2, k2 }, to, factor);
	// Over the last of them first.
	const last = lengths.length - (lengths.length % 2 === 0 ? 2 : 1);
	const kept = lengths[last + 1] ?? 1;
	const rest = [...lengths.slice(0, last - 1), lengths[last - 1] * kept];
	const outer = x.size / (lengths[last] * kept);
	return x.gpu.scope(() =>
		launchSumOver(launchSum(x, { k1: outer, r2: lengths[last], k2: kept }, rest), rest, to, factor),
	);
}

/**
 * The gradient of an operand that was broadcast: factor · the sum of that of the result over the repetitions.
 * Disposes of `gradient`.
 */
export function sumToShape(gradient: Tensor, shape: Shape, factor = 1): Tensor {
	const missing = gradient.shape.length - shape.length;
	const summed = gradient.shape.map((length, axis) => length > 1 && (shape[axis - missing] ?? 1) === 1);
	const sum = summed.includes(true)
		? launchReducedSum(gradient, summed, shape, factor)
		: factor === 1
			? gradient.share(shape)
			: launchScale(gradient, factor, shape);
	gradient.dispose();
	return sum;
}

/** factor · the sum of x over some axes, as a tensor of shape `to`; 0 if there is nothing to sum. */
export function launchReducedSum(x: Tensor, summed: readonly boolean[], to: Shape, factor: number): Tensor {
	return x.size === 0 ? x.gpu.zeros(to) : launchSumOver(x, alternate(x.shape, summed), to, factor);
}

/** factor · the gradient of a sum, repeated over the axes that were summed. */
function repeated(gradient: Tensor, kept: Shape, to: Shape, factor: number): Tensor {
	const { gpu } = gradient;
	return gpu.scope(() => {
		const out = gpu.empty(to);
		const operands = [gradient.share(kept), gpu.constant(factor)];
		launchBroadcast("sum", binaryKernel, operands, out, { OPERATION: product });
		return out;
	});
}

/**
 * The sum over all elements or some axes, as torch.sum. The sum of no elements is 0.
 *
 * @param x any dtype, any shape
 * @param over the axes, which the result does not have (default: all), −1 is the last one; or
 * { axis, keepDim }
 * @returns the dtype of x
 * @throws ArgumentError if x has no such axis
 * @example
 * const norms = sum(square(x), { axis: -1, keepDim: true });
 */
export function sum<D extends DType = "float32">(x: Tensor<D>, over?: Reduction): Tensor<D> {
	const plan = planReduction("sum", x, over);
	if (!isFloat(x)) return launchReduce(x, plan, "sum");
	return sumTimes("sum", x, plan, 1) as AnyTensor as Tensor<D>;
}

/**
 * The mean over all elements or some axes, as torch.mean; arguments as for `sum`.
 *
 * @param x float32, any shape
 * @throws ArgumentError if x has no such axis, ShapeError if there are no elements, DTypeError
 */
export function mean(x: Tensor, over?: Reduction): Tensor {
	const plan = planReduction("mean", x, over, "float32");
	checkNotEmpty("mean", x, plan);
	return sumTimes("mean", x, plan, 1 / plan.count);
}

function sumTimes(operation: string, x: Tensor, { reduced, kept, shape }: ReductionPlan, factor: number): Tensor {
	return record(operation, launchReducedSum(x, reduced, shape, factor), [x], [], (gradient) => [
		repeated(gradient, kept, x.shape, factor),
	]);
}
