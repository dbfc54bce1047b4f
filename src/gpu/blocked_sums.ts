import sum from "../../kernels/sum.blocked.wgsl";
import type { Constants, Kernel, UniformValues } from "./kernel.js";

/** A launch that computes sums. */
export interface SumPlan {
	/** How many sums it computes. */
	readonly outputs: number;
	/** In how many parts each sum is computed; a second launch adds them. */
	readonly parts: number;
	readonly kernel: Kernel;
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
 * there is one, they have few summands, or the summands are no neighbours.
 */
export function planSums({ r1 = 1, k1 = 1, r2 = 1, k2 = 1 }): SumPlan | undefined {
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
		constants: { LANES: lanes, WIDTH: width },
		uniforms: { r1, k: k1, r2: units, splits },
		workgroups: Math.ceil((parts * k1) / workgroupSize),
	};
}
