import logSumExpKernel from "../../kernels/log_sum_exp.wgsl";
import logSumExpGradKernel from "../../kernels/log_sum_exp_grad.wgsl";
import { record } from "../autograd/tape.js";
import type { Shape } from "../base/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { launchElements } from "./launch.js";
import { permute } from "./permute.js";
import { checkNotEmpty, planReduction, type Reduction } from "./reduction.js";
import { reshape } from "./reshape.js";

/** Elements of a lane from which on a row is split over workgroups; also the most splits. */
const perLane = 128;
const enough = 2 ** 16;

/** Three axes, of which the middle one is reduced. */
type View = readonly [outer: number, length: number, inner: number];

/** log Σ exp along the middle one of three axes, as a tensor of shape `to`. */
export function launchLogSumExp(x: Tensor, [outer, length, inner]: View, to: Shape): Tensor {
	const { gpu } = x;
	const wide = inner === 1 && length % 4 === 0;
	const units = wide ? length / 4 : length;
	const results = outer * inner;
	// On adapters that compute on the CPU barriers are expensive: with many rows each lane has one.
	const alone = inner >= 32 || (gpu.variants[0] === "blocked" && results >= 64);
	const lanes = alone ? 1 : 64;
	const splits = Math.max(1, Math.min(perLane, Math.ceil(units / (lanes * perLane)), Math.ceil(enough / results)));
	return gpu.scope(() => {
		const y = gpu.empty(splits === 1 ? to : [splits, results]);
		gpu.launch(logSumExpKernel, {
			constants: { LANES: lanes, WIDTH: wide ? 4 : 1 },
			bindings: [x, x, y].map((tensor) => tensor.memory()),
			uniforms: { outer, length: units, inner, splits },
			workgroups: Math.ceil((splits * results * lanes) / 64),
		});
		return splits === 1 ? y : launchLogSumExp(y, [1, splits, results], to);
	});
}

/** factor · exp(x − y), with the factors and y of each row. */
export function launchExponentials(x: Tensor, [, length, inner]: View, y: Tensor, factor: Tensor): Tensor {
	const out = x.gpu.empty(x.shape);
	launchElements(logSumExpGradKernel, out.size, [x, y, factor, out], { uniforms: { length, inner } });
	return out;
}

/** The view if the axes that are reduced are neighbours. */
function viewOf(shape: Shape, reduced: readonly boolean[]): View | undefined {
	const first = reduced.indexOf(true);
	const last = reduced.lastIndexOf(true);
	if (first < 0) return [shape.reduce((size, length) => size * length, 1), 1, 1];
	const product = (from: number, to: number) => shape.slice(from, to).reduce((size, length) => size * length, 1);
	if (shape.some((length, axis) => axis > first && axis < last && !reduced[axis] && length > 1)) return undefined;
	return [product(0, first), product(first, last + 1), product(last + 1, shape.length)];
}

/**
 * log Σ eˣ over all elements or some axes, without overflow, as torch.logsumexp.
 *
 * @param x float32, any shape
 * @param over the axes, which the result does not have (default: all), −1 is the last one; or
 * { axis, keepDim }
 * @throws ArgumentError if x has no such axis, ShapeError if there are no elements, DTypeError
 */
export function logSumExp(x: Tensor, over?: Reduction): Tensor {
	const name = "logSumExp";
	const plan = planReduction(name, x, over, "float32");
	checkNotEmpty(name, x, plan);
	const { reduced, shape } = plan;
	const view = viewOf(x.shape, reduced);
	if (view === undefined) {
		// The axes that are reduced become the last ones.
		const order = [false, true].flatMap((last) => [...x.shape.keys()].filter((axis) => reduced[axis] === last));
		const kept = reduced.filter((is) => !is).length;
		const last = order.map((_, axis) => axis).slice(kept);
		const y = logSumExp(permute(x, order), last);
		return reshape(y, shape);
	}
	const y = launchLogSumExp(x, view, shape);
	return record(name, y, [x], [x, y], (dy) => [launchExponentials(x, view, y, dy)]);
}
