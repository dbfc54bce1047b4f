import blockImages from "../../kernels/block_images.wgsl";
import convolution from "../../kernels/convolution.blocked.wgsl";
import convolutionWeightGrad from "../../kernels/convolution_weight_grad.blocked.wgsl";
import gatherTaps from "../../kernels/gather_taps.blocked.wgsl";
import nearestCode from "../../kernels/nearest_code.blocked.wgsl";
import nearestCodeDirect from "../../kernels/nearest_code_direct.blocked.wgsl";
import sumChannels from "../../kernels/sum_channels.blocked.wgsl";
import unblockImages from "../../kernels/unblock_images.wgsl";

/**
 * The kernels on blocks of images, for adapters that compute on the CPU. Opening a device loads this file on such an adapter and
 * with `tune` alone, so a page on a GPU does not pay for it.
 */
export const blockedKernels = {
	blockImages,
	convolution,
	convolutionWeightGrad,
	gatherTaps,
	nearestCode,
	nearestCodeDirect,
	sumChannels,
	unblockImages,
};

export type BlockedKernels = typeof blockedKernels;
