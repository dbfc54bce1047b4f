import convolutionWeightGrad from "../../kernels/convolution_weight_grad.tiled.wgsl";
import matmul from "../../kernels/matmul.tiled.wgsl";
import nearestCode from "../../kernels/nearest_code.tiled.wgsl";
import sumSplits from "../../kernels/sum_splits.wgsl";
import { convolutionLaunch, convolutionTilesFor, loadsLate } from "./convolution_tiles.js";
import { codeTilesFor, splitsOf, tileCount, tilesFor, tilesForSplits } from "./tiles.js";

/**
 * The tiled kernels, for GPUs, and their tiles. `openDevice` loads this file only on a GPU or if
 * they are asked for.
 */
export const tiledKernels = {
	convolutionWeightGrad,
	matmul,
	nearestCode,
	sumSplits,
	tilesFor,
	tilesForSplits,
	splitsOf,
	tileCount,
	codeTilesFor,
	convolutionTilesFor,
	loadsLate,
	convolutionLaunch,
};

export type TiledKernels = typeof tiledKernels;
