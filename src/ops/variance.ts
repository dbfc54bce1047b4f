import { record } from "../autograd/tape.js";
import { checkNumber, checkOptions, isPlainObject } from "../base/arguments.js";
import { ShapeError } from "../base/errors.js";
import { formatShape } from "../base/shape.js";
import { checkAnyTensor } from "../tensor/check_tensor.js";
import type { Tensor } from "../tensor/tensor.js";
import { launchBinary } from "./binary.js";
import { launchMoments, rowViewOf } from "./moments.js";
import { permute } from "./permute.js";
import { alternate, checkNotEmpty, planAxes, type Reduction, type ReductionOptions } from "./reduction.js";
import { launchScale } from "./scale.js";
import { launchSlice } from "./slice.js";

export interface VarianceOptions extends ReductionOptions {
	/** What is subtracted from the number of elements in the denominator (default 1: the unbiased estimate). */
	readonly correction?: number;
}

/**
 * The variance of all elements or over some axes, as torch.var.
 *
 * @param x float32, any shape
 * @param over the axes, which the result does not have (default: all), −1 is the last one; or
 * { axis, correction, keepDim }
 * @throws ArgumentError if x has no such axis, ShapeError if there are not more elements than `correction`, DTypeError
 * @example
 * const spread = sqrt(variance(x, { axis: -1, correction: 0 }));
 */
export function variance(x: Tensor, over: Reduction | VarianceOptions = {}): Tensor {
	const name = "variance";
	checkAnyTensor(name, "x", x, "float32");
	const options = isPlainObject(over) ? (over as VarianceOptions) : { axis: over as number | readonly number[] };
	checkOptions(name, options, ["axis", "correction", "keepDim"]);
	const { correction = 1, ...axes } = options as VarianceOptions;
	checkNumber(name, "correction", correction, { least: 0 });
	const plan = planAxes(name, x.shape, axes);
	const { reduced, kept, shape, count } = plan;
	checkNotEmpty(name, x, plan);
	if (count <= correction)
		throw new ShapeError(
			`${name}: there must be more than ${correction} elements (correction) for a variance, but shape ${formatShape(x.shape)} has ${count}.`,
		);
	const { gpu } = x;
	const [y, mean] = gpu.scope(() => {
		const view = rowViewOf(alternate(x.shape, reduced));
		const order = [false, true].flatMap((last) => [...x.shape.keys()].filter((axis) => reduced[axis] === last));
		const rows = view === undefined ? permute(x.share(), order) : x;
		const { moments } = launchMoments(rows, view ?? { r1: 1, k1: x.size / count, r2: count, k2: 1 });
		const row = moments.size / 2;
		const [mean, deviations] = [0, 1].map((at) => launchSlice(name, moments, 0, at, 1));
		return [launchScale(deviations, 1 / (count - correction), shape), mean.share([row])];
	});
	return record(name, y, [x], [x], (gradient) => [
		gpu.scope(() => {
			const difference = launchBinary("sub", x, mean.share(kept));
			return launchBinary("mul", difference, launchScale(gradient, 2 / (count - correction), kept));
		}),
	]);
}
