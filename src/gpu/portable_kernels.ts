import convolution from "../../kernels/convolution.wgsl";
import convolutionWeightGrad from "../../kernels/convolution_weight_grad.wgsl";
import matmul from "../../kernels/matmul.wgsl";
import nearestCode from "../../kernels/nearest_code.wgsl";
import packWeights from "../../kernels/pack_weights.wgsl";

/**
 * The portable kernels that have a tiled variant, and what prepares memory for them and for the blocked ones.
 * `openDevice` does not load this file on a GPU, unless with `tune` or if they are asked for.
 */
export const portableKernels = { convolution, convolutionWeightGrad, matmul, nearestCode, packWeights };

export type PortableKernels = typeof portableKernels;
