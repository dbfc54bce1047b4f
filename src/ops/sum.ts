import binaryKernel from "../../kernels/binary.wgsl";
import sumKernel from "../../kernels/sum.wgsl";
import sumAllKernel from "../../kernels/sum_all.wgsl";
import { record } from "../autograd/tape.js";
import { resolveAxis, type Shape, sizeOf } from "../base/shape.js";
import type { SumPlan } from "../gpu/blocked_sums.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Tensor } from "../tensor/tensor.js";
import { launchElements } from "./launch.js";
import { launchPermute } from "./permute.js";

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

/** factor · x, each of its `count` elements repeated `inner` times and all of that over and over, as shape `to`. */
function launchRepeated(x: Tensor, to: Shape, count: number, inner: number, factor: number): Tensor {
	const { gpu } = x;
	return gpu.scope(() => {
		const out = gpu.empty(to);
		launchElements(binaryKernel, out.size / 4, [x, gpu.constant(factor), out], {
			constants: { OPERATION: 2, A_COUNT: count, A_INNER: inner, B_COUNT: 1 },
		});
		return out;
	});
}

function reduce(operation: string, x: Tensor, axis: number | undefined, factorOf: (count: number) => number): Tensor {
	checkTensor(operation, "x", x, "float32");
	const at = axis === undefined ? undefined : resolveAxis(axis, x.shape, operation);
	const count = at === undefined ? x.size : x.shape[at];
	const inner = at === undefined ? 1 : sizeOf(x.shape.slice(at + 1));
	const outer = x.size / (count * inner);
	const shape = at === undefined ? [] : x.shape.toSpliced(at, 1);
	const factor = factorOf(count);
	const out =
		count === x.size
			? launchSumAll(x, shape, factor)
			: launchSum(x, { k1: outer, r2: count, k2: inner }, shape, factor);
	return record(operation, out, [x], [], (gradient) => {
		if (outer === 1) return [launchRepeated(gradient, x.shape, inner, 1, factor)];
		// Element (o, i) of the sum is repeated over the axis between o and i.
		const outputs = outer * inner;
		const to = inner === 1 ? x.shape : [outputs, count];
		const repeated = launchRepeated(gradient, to, outputs, count, factor);
		if (inner === 1) return [repeated];
		const dx = x.gpu.empty(x.shape);
		launchPermute(repeated, dx, [outer, inner, count], [0, 2, 1]);
		repeated.dispose();
		return [dx];
	});
}

/**
 * The sum of all elements, or over one axis, which the result does not have, as torch.sum.
 *
 * @param x float32, any shape
 * @param axis default: all; −1 is the last one
 * @throws ArgumentError if x has no such axis, DTypeError if x is not float32
 */
export function sum(x: Tensor, axis?: number): Tensor {
	return reduce("sum", x, axis, () => 1);
}

/** The mean of all elements, or over one axis, which the result does not have; arguments and errors as for `sum`. */
export function mean(x: Tensor, axis?: number): Tensor {
	return reduce("mean", x, axis, (count) => 1 / count);
}
