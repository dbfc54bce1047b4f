import type { TiledKernels } from "../gpu/tiled_kernels.js";
import type { Choices, Variants } from "../gpu/variant.js";
import type { Gpu, Tensor } from "../tensor/tensor.js";

/** The tiles for an operation on a device that has tiled kernels; else none. */
export function tilesOf<T>(gpu: Gpu, of: (kernels: TiledKernels) => readonly T[]): readonly T[] {
	return gpu.variants.includes("tiled") ? of(gpu.tiledKernels) : [];
}

/**
 * A factor as the binding from which a kernel loads vectors of 4; another tensor if it has no vector, which
 * is then not read.
 */
export function asVectors(x: Tensor): Tensor {
	return x.size < 4 ? x.gpu.empty([4]) : x;
}

/**
 * How a tiled kernel loads a factor (A_LOADS, B_LOADS, Z_LOADS): by vectors along the dimension whose
 * elements are neighbours, if 4 divides its length; else word by word.
 */
export function vectorLoads(innerStride: number, outerStride: number, inner: number, outer: number): number {
	if (innerStride === 1 && inner % 4 === 0) return 1;
	return outerStride === 1 && outer % 4 === 0 ? 2 : 0;
}

/**
 * What is chosen from if an operation has these variants: each of the tiles for "tiled", or "portable" if
 * there are none.
 */
export function tileChoices(variants: Variants, tiles: readonly { readonly name: string }[]): Choices<string> {
	const choices = variants.flatMap((variant) => (variant === "tiled" ? tiles.map(({ name }) => name) : [variant]));
	const [first = "portable", ...others] = choices;
	return [first, ...others];
}
