import codeSumsKernel from "../../../kernels/code_sums.wgsl";
import type { Tensor } from "../../tensor/tensor.js";
import { launchElements } from "../launch.js";

/** Rows that one invocation adds up, at least; words of partial sums, at most. */
const rowsPerSplit = 256;
const maxPartialWords = 2 ** 22;

/**
 * The sum of the latents of each code, and their number in one more column, as partial sums [splits, K, D + 1]; see
 * kernels/code_sums.wgsl.
 *
 * @param z float32 [N, D], or [B, D, H, W]
 * @param indices [N], or [B, H, W]
 */
export function launchCodeSums(
	z: Tensor,
	indices: Tensor<"uint32"> | Tensor<"int32">,
	codes: number,
): { readonly partial: Tensor; readonly splits: number } {
	const [batch, dimensions] = z.shape;
	const most = Math.floor(maxPartialWords / (codes * (dimensions + 1)));
	const splits = Math.max(1, Math.min(Math.ceil(indices.size / rowsPerSplit), most));
	const partial = z.gpu.empty([splits, codes, dimensions + 1]);
	launchElements(codeSumsKernel, splits * (dimensions + 1), [indices, z, partial], {
		constants: {
			CODES: codes,
			DIMENSIONS: dimensions,
			INNER: indices.size / batch,
			N: indices.size,
			SPLITS: splits,
		},
	});
	return { partial, splits };
}
