import type { Constants, UniformValues } from "./kernel.js";

/**
 * A factor of matrix products: element (outer, k) of matrix p is at
 * p · length · inner + outer · outerStride + k · innerStride.
 */
export interface Factor {
	/** Rows of the first factor, columns of the second. */
	readonly length: number;
	readonly inner: number;
	readonly outerStride: number;
	readonly innerStride: number;
	/** Matrices, one for each product; 1 (default): all products have the same. */
	readonly count?: number;
}

/** How kernels/matmul.blocked.wgsl reads a factor. */
interface FactorRead {
	/** From one block, one k and one product to the next, in vectors of 4. */
	readonly block: number;
	readonly step: number;
	readonly product: number;
	/**
	 * If it must be packed first: the elements of the copy, and the uniforms of
	 * kernels/pack_factor.blocked.wgsl.
	 */
	readonly packing?: { readonly size: number; readonly uniforms: UniformValues; readonly workgroups: number };
}

/** Rows of a workgroup of kernels/matmul.blocked.wgsl; a lane has 4 columns. */
const blockRows = 16;

/** @param multiple what divides the length of a factor that is read as it lies */
function readOf(
	{ length, inner, outerStride, innerStride, count = 1 }: Factor,
	width: number,
	multiple: number,
): FactorRead {
	if (outerStride === 1 && length % multiple === 0 && inner % 2 === 0)
		return { block: width / 4, step: innerStride / 4, product: count === 1 ? 0 : (length * inner) / 4 };
	const paddedInner = inner + (inner % 2);
	const product = Math.ceil(length / width) * paddedInner * width;
	return {
		block: (paddedInner * width) / 4,
		step: width / 4,
		product: count === 1 ? 0 : product / 4,
		packing: {
			size: count * product,
			uniforms: { length, inner, outerStride, innerStride, width, paddedInner },
			workgroups: Math.ceil((count * product) / (blockRows * 64)),
		},
	};
}

/** How the blocked kernels compute products on an adapter with subgroups of this size. */
export interface BlockedProduct {
	readonly a: FactorRead;
	readonly b: FactorRead;
	readonly constants: Constants;
	readonly uniforms: UniformValues;
	readonly workgroups: number;
}

/**
 * With fewer multiply-adds, or a shorter inner dimension, packing costs more than the blocked kernel saves.
 */
const leastProducts = 2 ** 12;
const leastInner = 8;

/**
 * The launches of kernels/matmul.blocked.wgsl and of the packing of its factors; undefined if the portable
 * kernel is faster, or if a packed factor has more bytes than a binding may have.
 */
export function planProduct(a: Factor, b: Factor, subgroupSize: number, maxBytes: number): BlockedProduct | undefined {
	if (a.inner < leastInner || a.length * a.inner * b.length < leastProducts) return undefined;
	const width = 4 * subgroupSize;
	const [ofA, ofB] = [readOf(a, blockRows, blockRows), readOf(b, width, 4)];
	if ([ofA, ofB].some(({ packing }) => packing !== undefined && 4 * packing.size > maxBytes)) return undefined;
	return {
		a: ofA,
		b: ofB,
		constants: { SUBGROUP: subgroupSize },
		uniforms: {
			rows: a.length,
			inner: a.inner,
			columns: b.length,
			aBlock: ofA.block,
			aStep: ofA.step,
			bBlock: ofB.block,
			bStep: ofB.step,
			aProduct: ofA.product,
			bProduct: ofB.product,
		},
		workgroups: Math.max(a.count ?? 1, b.count ?? 1) * Math.ceil(a.length / blockRows) * Math.ceil(b.length / width),
	};
}
