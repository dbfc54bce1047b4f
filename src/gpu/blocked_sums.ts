import sum from "../../kernels/sum.blocked.wgsl";
import sumColumns from "../../kernels/sum_columns.blocked.wgsl";
import type { Constants, Kernel, UniformValues } from "./kernel.js";

/** A launch that computes sums: the bindings are x, as often as `inputs` says, and the sums. */
export interface SumPlan {
	/** How many sums it computes. */
	readonly outputs: number;
	/** In how many parts each sum is computed; a second launch adds them. */
	readonly parts: number;
	readonly kernel: Kernel;
	readonly inputs: number;
	readonly constants: Constants;
	/** Without the factor. */
	readonly uniforms: UniformValues;
	readonly workgroups: number;
}

/** Summands from which on the blocked kernel saves more time than a second launch takes. */
const leastSummands = 2 ** 14;
/** Units of a lane from which on sums are split, and the most splits. */
const unitsPerLane = 128;
const mostSplits = 1024;
/** Invocations of a workgroup. */
const workgroupSize = 32;

/**
 * The launch for the sums of [r1, k1, r2, k2] over both r; undefined if the portable kernel computes them:
 * there is one, they have few summands, or neither summands nor sums are neighbours in whole vectors.
 *
 * @param columnParts in how many parts the portable kernel computes sums that are neighbours
 */
export function planSums({ r1 = 1, k1 = 1, r2 = 1, k2 = 1 }, columnParts: number): SumPlan | undefined {
	if (r1 === 1 && k2 >= 32 && k2 % 4 === 0) {
		const vectors = k2 / 4;
		return {
			outputs: k1 * k2,
			parts: columnParts,
			kernel: sumColumns,
			inputs: 1,
			constants: {},
			uniforms: { k1, r: r2, k2: vectors, splits: columnParts },
			workgroups: Math.ceil((columnParts * k1 * vectors) / workgroupSize),
		};
	}
	if (k1 === 1 || k2 > 1 || r1 * k1 * r2 < leastSummands) return undefined;
	const width = r2 % 4 === 0 ? 4 : 1;
	const units = r2 / width;
	// Many short sums occupy the adapter without parts.
	const lanes = k1 >= 256 && r1 * units <= 64 ? 1 : 8;
	const splits = Math.min(mostSplits, Math.ceil((r1 * units) / (lanes * unitsPerLane)));
	const parts = splits * lanes;
	return {
		outputs: k1,
		parts,
		kernel: sum,
		inputs: 2,
		constants: { LANES: lanes, WIDTH: width },
		uniforms: { r1, k: k1, r2: units, splits },
		workgroups: Math.ceil((parts * k1) / workgroupSize),
	};
}
