import { record } from "../../autograd/tape.js";
import { checkFlag, checkNumber, checkOptions } from "../../base/arguments.js";
import { GradientError, ShapeError } from "../../base/errors.js";
import { formatShape, sameShape, sizeOf } from "../../base/shape.js";
import { checkTensor } from "../../tensor/check_tensor.js";
import type { Tensor } from "../../tensor/tensor.js";
import { commonGpu } from "../check.js";
import { expanded } from "../copy.js";
import { isBlocked, launchBlocked, launchBlockedGradients } from "./blocked.js";
import { type AttentionPlan, operation, sharesMask } from "./plan.js";
import { launchPortable, launchPortableGradients } from "./portable.js";

export interface AttentionOptions {
	/** Query i attends to the keys 0 … i only (default false). */
	readonly causal?: boolean;
	/**
	 * Broadcast to [..., L, S]: float32 that is added to the scores, or uint32 that is 0 for a key that a
	 * query does not attend to. It gets no gradient.
	 */
	readonly mask?: Tensor | Tensor<"uint32">;
	/** What the products of queries and keys are multiplied by (default 1 / √E). */
	readonly scale?: number;
}

/** @throws ShapeError, DTypeError, ArgumentError, DeviceMismatchError */
function planOf(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): AttentionPlan {
	for (const [argument, x] of Object.entries({ q, k, v })) {
		checkTensor(operation, argument, x, "float32");
		if (x.shape.length < 2)
			throw new ShapeError(
				`${operation}: ${argument} must be [..., rows, columns], but has shape ${formatShape(x.shape)}.`,
			);
	}
	checkOptions(operation, options, ["causal", "mask", "scale"]);
	const { causal = false, mask } = options;
	checkFlag(operation, "causal", causal);
	if (mask !== undefined) checkTensor(operation, "mask", mask, "float32", "uint32");
	commonGpu(operation, q, k, v, mask);
	const lead = q.shape.slice(0, -2);
	const [queries, length] = q.shape.slice(-2);
	const [keys, columns] = v.shape.slice(-2);
	if (!sameShape(k.shape, [...lead, keys, length]) || !sameShape(v.shape.slice(0, -2), lead))
		throw new ShapeError(
			`${operation}: q [..., L, E], k [..., S, E] and v [..., S, Ev] must have the same first axes, E and S, but have shapes ${formatShape(q.shape)}, ${formatShape(k.shape)} and ${formatShape(v.shape)}.`,
		);
	const { scale = 1 / Math.sqrt(length) } = options;
	checkNumber(operation, "scale", scale);
	const scores = [...lead, queries, keys];
	if (mask !== undefined) {
		const missing = scores.length - mask.shape.length;
		if (missing < 0 || mask.shape.some((own, axis) => own !== 1 && own !== scores[axis + missing]))
			throw new ShapeError(
				`${operation}: mask must broadcast to ${formatShape(scores)}, but has shape ${formatShape(mask.shape)}.`,
			);
		if (mask.requiresGrad)
			throw new GradientError(`${operation}: mask has requiresGrad, but gets no gradient: pass stopGradient(mask).`);
	}
	const uniforms = {
		queries,
		keys,
		maskKind: mask === undefined ? 0 : mask.dtype === "float32" ? 1 : 2,
		causal: causal ? 1 : 0,
		scale,
	};
	const batch = sizeOf(lead);
	const flops = (causal ? 1 : 2) * batch * queries * keys;
	return { q, k, v, mask, batch, queries, keys, depth: length, width: columns, uniforms, flops };
}

/** The kernels take one mask for all of the batch, or one for each: another broadcast is a copy. */
function withWholeMask(plan: AttentionPlan): AttentionPlan {
	const { q, mask, batch, queries, keys } = plan;
	if (mask === undefined || sharesMask(plan) || mask.size === batch * queries * keys) return plan;
	const shape = [...q.shape.slice(0, -2), queries, keys];
	return { ...plan, mask: expanded<"float32" | "uint32">(operation, mask, shape) as NonNullable<typeof mask> };
}

/**
 * softmax(scale · q · kᵀ + mask) · v, as torch.nn.functional.scaled_dot_product_attention. The scores are not
 * stored, in the backward pass neither, so its memory grows with L + S (FlashAttention-2; Dao, 2023).
 *
 * A query that attends to no key gives 0, as in PyTorch since 2.5. Scores below −1e38 count as −∞. With
 * `causal` and a mask a key must pass both.
 *
 * @param q float32 [..., L, E]
 * @param k float32 [..., S, E]
 * @param v float32 [..., S, Ev]
 * @returns float32 [..., L, Ev]
 * @throws ShapeError if the shapes do not match, DTypeError, ArgumentError, DeviceMismatchError, GradientError
 * if mask requires a gradient
 * @example
 * const y = scaledDotProductAttention(q, k, v, { causal: true });
 */
export function scaledDotProductAttention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
	const plan = planOf(q, k, v, options);
	const { mask } = plan;
	const output = q.gpu.scope(() => {
		const whole = withWholeMask(plan);
		return isBlocked(whole) ? launchBlocked(whole) : launchPortable(whole);
	});
	const { out, sums } = output;
	record(operation, out, [q, k, v], [q, k, v, out, ...(mask === undefined ? [] : [mask])], (gradient) =>
		q.gpu.scope(() => {
			const whole = withWholeMask(plan);
			const gradientsOf = isBlocked(whole) ? launchBlockedGradients : launchPortableGradients;
			return gradientsOf(whole, output, gradient).map((dx, i) => ([q, k, v][i].requiresGrad ? dx : null));
		}),
	);
	if (!out.requiresGrad) sums.dispose();
	return out;
}
