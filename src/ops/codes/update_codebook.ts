import codeAveragesKernel from "../../../kernels/code_averages.wgsl";
import updateCodebookKernel from "../../../kernels/update_codebook.wgsl";
import type { Tensor } from "../../tensor/tensor.js";
import { launchElements } from "../launch.js";
import { launchSum } from "../sum.js";
import { launchCodeSums } from "./code_sums.js";

/** A codebook and its moving averages, which `launchUpdateCodebook` changes in place. */
export interface CodebookState {
	/** [K, D] */
	readonly codebook: Tensor;
	/** [K]: how many latents each code had, a moving average. */
	readonly clusterSize: Tensor;
	/** [K, D]: their sum, a moving average. */
	readonly embeddingSum: Tensor;
	/** uint32 [2]: seed and number of the step, which decide from which latents codes are re-initialised. */
	readonly draw: Tensor<"uint32">;
}

export interface UpdateCodebookOptions {
	/** γ of the moving averages. */
	readonly decay: number;
	/** ε of the Laplace smoothing. */
	readonly epsilon: number;
	/** A code whose average is a smaller share of the mean over all codes is re-initialised from a latent. */
	readonly deadBelow: number;
	/** Whether the codes become the averages of their latents; if not, only dead ones change. */
	readonly averaged: boolean;
	/** Whether codes are scaled to unit length. */
	readonly unitLength: boolean;
}

/** One step of a codebook's moving averages, see kernels/code_averages.wgsl and update_codebook.wgsl. */
export function launchUpdateCodebook(
	z: Tensor,
	indices: Tensor<"uint32">,
	{ codebook, clusterSize, embeddingSum, draw }: CodebookState,
	{ decay, epsilon, deadBelow, averaged, unitLength }: UpdateCodebookOptions,
): void {
	const { gpu } = z;
	const [codes, dimensions] = codebook.shape;
	gpu.scope(() => {
		const { partial, splits } = launchCodeSums(z, indices, codes);
		launchElements(codeAveragesKernel, codes * (dimensions + 1), [partial, clusterSize, embeddingSum], {
			uniforms: { codes, dimensions, splits, decay, complement: 1 - decay },
		});
		const totalSize = launchSum(clusterSize, { r2: codes }, []);
		launchElements(updateCodebookKernel, codes, [z, totalSize, clusterSize, embeddingSum, codebook, draw], {
			constants: {
				DIMENSIONS: dimensions,
				INNER: indices.size / z.shape[0],
				AVERAGED: averaged ? 1 : 0,
				UNIT_LENGTH: unitLength ? 1 : 0,
			},
			uniforms: { deadBelow, epsilon },
		});
	});
}
