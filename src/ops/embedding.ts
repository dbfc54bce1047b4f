import embeddingKernel from "../../kernels/embedding.wgsl";
import embeddingGradKernel from "../../kernels/embedding_grad.wgsl";
import { record } from "../autograd/tape.js";
import { checkOptions, checkWord } from "../base/arguments.js";
import { ShapeError } from "../base/errors.js";
import { formatShape } from "../base/shape.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkRank, commonGpu } from "./check.js";
import { launchElements } from "./launch.js";
import { launchSum } from "./sum.js";

/** Rows of dy that one invocation of the gradient adds up, at least; words of partial sums, at most. */
const rowsPerSplit = 256;
const maxPartialWords = 2 ** 22;

export interface EmbeddingOptions {
	/**
	 * "last" (default): the vectors are along a new last axis, [...indices.shape, D]. "NCHW": along the channel axis,
	 * indices [B, H, W] → [B, D, H, W].
	 */
	readonly layout?: "last" | "NCHW";
}

/**
 * The rows of `weight` that the indices name, as torch.nn.functional.embedding. An index outside [0, K) gives zeros, and no
 * gradient.
 *
 * @param indices uint32 or int32, any shape
 * @param weight float32 [K, D]
 * @returns float32 [...indices.shape, D], or [B, D, H, W] with layout "NCHW"
 * @throws ShapeError if the weight is not [K, D] or the indices do not fit the layout, DTypeError, ArgumentError, DeviceMismatchError
 */
export function embedding(
	indices: Tensor<"uint32"> | Tensor<"int32">,
	weight: Tensor,
	options: EmbeddingOptions = {},
): Tensor {
	checkTensor("embedding", "indices", indices, "uint32", "int32");
	checkTensor("embedding", "weight", weight, "float32");
	const gpu = commonGpu("embedding", indices, weight);
	checkOptions("embedding", options, ["layout"]);
	const { layout = "last" } = options;
	checkWord("embedding", "layout", layout, ["last", "NCHW"]);
	checkRank("embedding", "weight", weight.shape, 2, "[K, D]");
	const [rows, dimensions] = weight.shape;
	const channelsFirst = layout === "NCHW";
	if (channelsFirst && indices.shape.length !== 3)
		throw new ShapeError(
			`embedding: with layout "NCHW" indices must be [B, H, W], but have shape ${formatShape(indices.shape)}.`,
		);
	const [batch = 1, ...positions] = indices.shape;
	const inner = channelsFirst ? indices.size / batch : 1;
	const out = gpu.empty(channelsFirst ? [batch, dimensions, ...positions] : [...indices.shape, dimensions]);
	const constants = { ROWS: rows, DIMENSIONS: dimensions, INNER: inner };
	launchElements(embeddingKernel, out.size, [indices, weight, out], { constants });

	return record("embedding", out, [weight], [indices], (gradient) => {
		const splits = Math.max(
			1,
			Math.min(Math.ceil(indices.size / rowsPerSplit), Math.floor(maxPartialWords / (rows * dimensions))),
		);
		const partial = gpu.empty(splits === 1 ? weight.shape : [splits, rows, dimensions]);
		launchElements(embeddingGradKernel, splits * dimensions, [indices, gradient, partial], {
			constants: { ...constants, N: indices.size, SPLITS: splits },
		});
		return [splits === 1 ? partial : launchSum(partial, { r2: splits, k2: rows * dimensions }, weight.shape)];
	});
}
