import attention from "../../kernels/attention.blocked.wgsl";
import attentionGradKey from "../../kernels/attention_grad_key.blocked.wgsl";
import attentionGradQuery from "../../kernels/attention_grad_query.blocked.wgsl";
import blockImages from "../../kernels/block_images.wgsl";
import convolution from "../../kernels/convolution.blocked.wgsl";
import convolutionWeightGrad from "../../kernels/convolution_weight_grad.blocked.wgsl";
import crossEntropy from "../../kernels/cross_entropy.blocked.wgsl";
import crossEntropyGrad from "../../kernels/cross_entropy_grad.blocked.wgsl";
import dropout from "../../kernels/dropout.blocked.wgsl";
import gatedActivation from "../../kernels/gated_activation.blocked.wgsl";
import gatedActivationGrad from "../../kernels/gated_activation_grad.blocked.wgsl";
import gatherTaps from "../../kernels/gather_taps.blocked.wgsl";
import imageSums from "../../kernels/image_sums.blocked.wgsl";
import matmul from "../../kernels/matmul.blocked.wgsl";
import nearestCode from "../../kernels/nearest_code.blocked.wgsl";
import nearestCodeDirect from "../../kernels/nearest_code_direct.blocked.wgsl";
import packFactor from "../../kernels/pack_factor.blocked.wgsl";
import sumChannels from "../../kernels/sum_channels.blocked.wgsl";
import sumSplits from "../../kernels/sum_splits.wgsl";
import unblockImages from "../../kernels/unblock_images.wgsl";
import { planProduct } from "./blocked_products.js";
import { planSums } from "./blocked_sums.js";

/**
 * The blocked kernels, for adapters that compute on the CPU. `openDevice` loads this file only on such an adapter or with
 * `tune`, so a page on a GPU does not load it.
 */
export const blockedKernels = {
	attention,
	attentionGradKey,
	attentionGradQuery,
	blockImages,
	convolution,
	convolutionWeightGrad,
	crossEntropy,
	crossEntropyGrad,
	dropout,
	gatedActivation,
	gatedActivationGrad,
	gatherTaps,
	imageSums,
	matmul,
	nearestCode,
	nearestCodeDirect,
	packFactor,
	planProduct,
	planSums,
	sumChannels,
	sumSplits,
	unblockImages,
};

export type BlockedKernels = typeof blockedKernels;
