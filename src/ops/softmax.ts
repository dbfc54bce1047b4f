import softmaxKernel from "../../kernels/softmax.wgsl";
import softmaxGradKernel from "../../kernels/softmax_grad.wgsl";
import { record } from "../autograd/tape.js";
import { resolveAxis, sizeOf } from "../base/shape.js";
import type { Kernel } from "../gpu/kernel.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Tensor } from "../tensor/tensor.js";
import { launchBinary } from "./binary.js";
import { launchExponentials, launchLogSumExp } from "./log_sum_exp.js";
import { launchReducedSum } from "./sum.js";
import { launchUnary } from "./unary.js";

/** Rows that are so long, and so few, are split over workgroups. */
const longRow = 2 ** 14;
const fewRows = 64;

function isSplit(x: Tensor, axis: number): boolean {
	return x.shape[axis] >= longRow && x.size / x.shape[axis] < fewRows;
}

/** Softmax or its logarithm along an axis counted from the front. */
export function launchSoftmax(x: Tensor, axis: number, log: boolean): Tensor {
	if (isSplit(x, axis)) return launchSplit(x, axis, log);
	const y = x.gpu.empty(x.shape);
	const length = x.shape[axis];
	const rows = x.size / length;
	const byRows = x.gpu.variants[0] === "blocked" && axis === x.shape.length - 1 && length % 4 === 0 && rows >= fewRows;
	if (byRows)
		x.gpu.launch(softmaxKernel, {
			constants: { LENGTH: length, INNER: 1, LOG: log ? 1 : 0, ROWS: 64, LANES: 1, WIDTH: 4 },
			bindings: [x, x, y].map((tensor) => tensor.memory()),
			workgroups: Math.ceil(rows / 64),
		});
	else launchAlong(softmaxKernel, x, axis, log, [x, x, y]);
	return y;
}

/** Launches a kernel that has a group of lanes for each row of x along an axis. */
function launchAlong(kernel: Kernel, x: Tensor, axis: number, log: boolean, tensors: readonly Tensor[]): void {
	const length = x.shape[axis];
	const inner = sizeOf(x.shape.slice(axis + 1));
	const lanes = inner >= 32 ? 1 : 64;
	x.gpu.launch(kernel, {
		constants: { LENGTH: length, INNER: inner, LOG: log ? 1 : 0, ROWS: 64 / lanes, LANES: lanes },
		bindings: tensors.map((tensor) => tensor.memory()),
		workgroups: Math.ceil((x.size / length) * (lanes / 64)),
	});
}

/** From log Σ exp, which is computed in parts. */
function launchSplit(x: Tensor, axis: number, log: boolean): Tensor {
	const { gpu, shape } = x;
	const rows = shape.with(axis, 1);
	const view = [sizeOf(shape.slice(0, axis)), shape[axis], sizeOf(shape.slice(axis + 1))] as const;
	return gpu.scope(() => {
		const total = launchLogSumExp(x, view, rows);
		return log ? launchBinary("sub", x, total) : launchExponentials(x, view, total, gpu.ones(rows));
	});
}

/** The gradient of few long rows. */
function launchSplitGradient(y: Tensor, dy: Tensor, axis: number, log: boolean): Tensor {
	return y.gpu.scope(() => {
		const rows = y.shape.with(axis, 1);
		const alongAxis = y.shape.map((_, i) => i === axis);
		const total = (of: Tensor) => launchReducedSum(of, alongAxis, rows, 1);
		if (log) return launchBinary("sub", dy, launchBinary("mul", launchUnary("exp", y), total(dy)));
		const product = launchBinary("mul", y, dy);
		return launchBinary("sub", product, launchBinary("mul", y, total(product)));
	});
}

function recorded(operation: string, x: Tensor, axis: number, log: boolean): Tensor {
	checkTensor(operation, "x", x, "float32");
	const at = resolveAxis(axis, x.shape, operation);
	const y = launchSoftmax(x, at, log);
	return record(operation, y, [x], [y], (gradient) => {
		if (isSplit(x, at)) return [launchSplitGradient(y, gradient, at, log)];
		const dx = x.gpu.empty(x.shape);
		launchAlong(softmaxGradKernel, x, at, log, [y, gradient, dx]);
		return [dx];
	});
}

/**
 * exp(x) / Σ exp(x) along an axis, without overflow, as torch.softmax.
 *
 * @param x float32, any shape
 * @param axis −1 is the last one
 * @throws ArgumentError if x has no such axis, DTypeError if x is not float32
 */
export function softmax(x: Tensor, axis: number): Tensor {
	return recorded("softmax", x, axis, false);
}

/** The logarithm of `softmax(x, axis)`, without overflow or cancellation; arguments and errors as for `softmax`. */
export function logSoftmax(x: Tensor, axis: number): Tensor {
	return recorded("logSoftmax", x, axis, true);
}
