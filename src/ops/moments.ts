import momentsKernel from "../../kernels/moments.wgsl";
import normKernel from "../../kernels/norm.wgsl";
import type { Gpu, Tensor } from "../tensor/tensor.js";
import { launchElements } from "./launch.js";

/** x as [r1, k1, r2, k2], of which the rows are [r1, r2]. */
export interface RowView {
	readonly r1: number;
	readonly k1: number;
	readonly r2: number;
	readonly k2: number;
}

/** The view of alternating axes, of which the first, the third, … are in a row; undefined if there are too many. */
export function rowViewOf(lengths: readonly number[]): RowView | undefined {
	const [r1, k1 = 1, r2 = 1, k2 = 1] = lengths;
	return lengths.length > 4 ? undefined : { r1, k1, r2, k2 };
}

/** Weight and bias of a normalisation. */
export interface Affine {
	readonly weight: Tensor;
	readonly bias: Tensor;
	/** Neighbouring elements with one weight; the weights repeat over the elements of x. */
	readonly inner: number;
}

/** Elements or vectors of a lane from which on a row is split over workgroups; also the most splits. */
const unitsPerLane = 128;
const enough = 2 ** 16;

/** How lanes and workgroups share out the rows. */
export interface RowShares {
	readonly lanes: number;
	readonly tree: boolean;
	readonly splits: number;
	/** Partial sums of a row. */
	readonly parts: number;
	readonly workgroups: number;
}

/** @param units of a row: elements or vectors */
export function shareRows(gpu: Gpu, { k1, k2 }: RowView, units: number): RowShares {
	const rows = k1 * k2;
	const tree = gpu.variants[0] !== "blocked";
	// Neighbouring rows with neighbouring elements are read together by one lane each.
	const lanes = k2 >= 32 || units === 1 ? 1 : tree ? 64 : rows >= 64 || units <= unitsPerLane ? 1 : 8;
	const most = tree || rows < 64 ? Math.ceil(units / (lanes * unitsPerLane)) : 1;
	const splits = Math.max(1, Math.min(unitsPerLane, most, Math.ceil(enough / rows)));
	const isTree = tree && lanes > 1;
	return {
		lanes,
		tree: isTree,
		splits,
		parts: isTree ? splits : splits * lanes,
		workgroups: Math.ceil((splits * rows * lanes) / 64),
	};
}

/** The uniforms of a normalisation's kernels that say which weight an element has. */
export function weightSizes(affine: Affine | undefined): { weightInner: number; weights: number } {
	return { weightInner: affine?.inner ?? 1, weights: affine?.weight.size ?? 1 };
}

/**
 * The mean and the sum of squared deviations of each row, and with `normalise` the normalised rows.
 *
 * @returns moments float32 [2, k1 · k2]; y, if the same launch computes it
 */
export function launchMoments(
	x: Tensor,
	view: RowView,
	normalise?: { readonly epsilon: number; readonly affine: Affine | undefined },
): { readonly moments: Tensor; readonly y?: Tensor } {
	const { gpu } = x;
	const { r1, k1, r2, k2 } = view;
	const rows = k1 * k2;
	const count = r1 * r2;
	const wide = k2 === 1 && r2 % 4 === 0;
	const { lanes, tree, splits, parts, workgroups } = shareRows(gpu, view, count / (wide ? 4 : 1));
	const apply = parts === 1;
	const affine = normalise?.affine;
	return gpu.scope(() => {
		const out = gpu.empty(apply ? [2, rows] : [parts, 2, rows]);
		const y = apply && normalise !== undefined ? gpu.empty(x.shape) : undefined;
		gpu.launch(normKernel, {
			constants: {
				LANES: lanes,
				TREE: tree ? 1 : 0,
				WIDTH: wide ? 4 : 1,
				APPLY: apply ? 1 : 0,
				AFFINE: affine === undefined ? 0 : 1,
				WRITES: y === undefined ? 0 : 1,
			},
			bindings: [x, x, affine?.weight ?? x, affine?.bias ?? x, y ?? gpu.empty([1]), out].map((tensor) =>
				tensor.memory(),
			),
			uniforms: {
				r1,
				k1,
				r2: wide ? r2 / 4 : r2,
				k2,
				splits,
				epsilon: normalise?.epsilon ?? 0,
				...weightSizes(affine),
			},
			workgroups,
		});
		if (apply) return { moments: out, ...(y !== undefined && { y }) };
		const moments = gpu.empty([2, rows]);
		launchElements(momentsKernel, rows, [x, out, moments], { uniforms: { parts, r2, k2, count } });
		return { moments };
	});
}
