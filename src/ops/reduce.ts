import reduceKernel from "../../kernels/reduce.wgsl";
import type { Shape } from "../base/shape.js";
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { dtypeCodes } from "./dtype_codes.js";
import { alternate, type ReductionPlan } from "./reduction.js";

/** The values of OPERATION in kernels/reduce.wgsl. */
const operations = { max: 0, min: 1, sum: 2 } as const;

type Name = keyof typeof operations;

/** Elements or vectors of a lane from which on a reduction is split over workgroups; also the most splits. */
const unitsPerLane = 128;
/** Invocations from which on there are enough of them. */
const enough = 2 ** 16;

/** The maximum, the minimum or the sum of integers over some axes. */
export function launchReduce<D extends DType>(
	x: Tensor<D>,
	{ reduced, shape }: ReductionPlan,
	operation: Name,
): Tensor<D> {
	return launchOver(x, alternate(x.shape, reduced), shape, operation);
}

/** Over the first of alternating axes, the third, and so on. */
function launchOver<D extends DType>(x: Tensor<D>, lengths: readonly number[], to: Shape, operation: Name): Tensor<D> {
	const { gpu } = x;
	return gpu.scope(() => {
		if (lengths.length > 4) {
			// The last of them first.
			const last = lengths.length - (lengths.length % 2 === 0 ? 2 : 1);
			const kept = lengths[last + 1] ?? 1;
			const outer = lengths.slice(0, last).reduce((product, length) => product * length, 1);
			const rest = [...lengths.slice(0, last - 1), lengths[last - 1] * kept];
			return launchOver(launchOver(x, [1, outer, lengths[last], kept], rest, operation), rest, to, operation);
		}
		const [first, k1 = 1, second = 1, k2 = 1] = lengths;
		const [r1, r2, inner] = lengths.length <= 2 ? [1, first, k1] : [first, second, k2];
		const outer = lengths.length <= 2 ? 1 : k1;
		const fold = inner === 1 && r2 % 4 === 0;
		const wide = fold || (inner % 4 === 0 && inner >= 32);
		const rows = fold || !wide ? outer * inner : (outer * inner) / 4;
		const units = (r1 * r2) / (fold ? 4 : 1);
		// On adapters that compute on the CPU barriers are expensive, so lanes leave their parts to a second launch.
		const tree = gpu.variants[0] !== "blocked";
		const lanes = inner >= 32 || units === 1 ? 1 : tree ? 64 : rows >= 256 || units <= unitsPerLane ? 1 : 8;
		const splits = Math.max(
			1,
			Math.min(unitsPerLane, Math.ceil(units / (lanes * unitsPerLane)), Math.ceil(enough / rows)),
		);
		const parts = tree ? splits : splits * lanes;
		const results = outer * inner;
		const out = gpu.empty(parts === 1 ? to : [parts, results], x.dtype);
		gpu.launch(reduceKernel, {
			constants: {
				OPERATION: operations[operation],
				TYPE: dtypeCodes[x.dtype],
				LANES: lanes,
				TREE: tree ? 1 : 0,
				WIDTH: wide ? 4 : 1,
				FOLD: fold ? 1 : 0,
			},
			bindings: [x, x, out].map((tensor) => tensor.memory()),
			uniforms: { r1, k1: outer, r2: fold ? r2 / 4 : r2, k2: wide && !fold ? inner / 4 : inner, splits },
			workgroups: Math.ceil((splits * rows * lanes) / 64),
		});
		return parts === 1 ? out : launchOver(out, [parts, results], to, operation);
	});
}
