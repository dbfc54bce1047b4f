import convolutionWeightGrad from "../../kernels/convolution_weight_grad.wgsl";
import matmul from "../../kernels/matmul.wgsl";
import nearestCode from "../../kernels/nearest_code.wgsl";

/**
 * The portable kernels that have a tiled variant for every shape. `openDevice` does not load this file on a
 * GPU, unless with `tune` or if they are asked for.
 */
export const portableKernels = { convolutionWeightGrad, matmul, nearestCode };

export type PortableKernels = typeof portableKernels;
