import type { UniformValues } from "../../gpu/kernel.js";
import type { Tensor } from "../../tensor/tensor.js";

/** An attention whose arguments fit. */
export interface AttentionPlan {
	/** float32 [..., L, E], [..., S, E] and [..., S, Ev] */
	readonly q: Tensor;
	readonly k: Tensor;
	readonly v: Tensor;
	/** [L, S], or [..., L, S] with the axes of q. */
	readonly mask: Tensor | Tensor<"uint32"> | undefined;
	/** The axes before L and S as one. */
	readonly batch: number;
	readonly queries: number;
	readonly keys: number;
	/** E and Ev. */
	readonly depth: number;
	readonly width: number;
	/** What the uniforms of all kernels have in common. */
	readonly uniforms: UniformValues;
	/** The floating-point operations for each value of a query, key, value or output. */
	readonly flops: number;
}

/** What the forward pass computes. */
export interface AttentionOutput {
	/** float32 [..., L, Ev] */
	readonly out: Tensor;
	/** float32 [2, batch, L], see kernels/attention.wgsl */
	readonly sums: Tensor;
}

/** The gradients of q, k and v; null for k and v if neither needs one. */
export type AttentionGradients = readonly [q: Tensor, k: Tensor | null, v: Tensor | null];

export const operation = "scaledDotProductAttention";

/** Whether there is no mask, or one for all of the batch, [L, S]. */
export function sharesMask({ mask, queries, keys }: AttentionPlan): boolean {
	if (mask === undefined) return true;
	const [rows, columns] = mask.shape.slice(-2);
	return rows === queries && columns === keys && mask.size === queries * keys;
}
