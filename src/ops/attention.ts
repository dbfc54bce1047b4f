import attentionKernel from "../../kernels/attention.wgsl";
import gradKeyKernel from "../../kernels/attention_grad_key.wgsl";
import gradQueryKernel from "../../kernels/attention_grad_query.wgsl";
import { record } from "../autograd/tape.js";
import { checkFlag, checkNumber, checkOptions } from "../base/arguments.js";
import { GradientError, ShapeError } from "../base/errors.js";
import { formatShape, type Shape, sameShape, sizeOf } from "../base/shape.js";
import type { UniformValues } from "../gpu/kernel.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Tensor } from "../tensor/tensor.js";
import { commonGpu } from "./check.js";
import { expanded } from "./copy.js";
import { launchPad } from "./pad.js";
import { launchSlice } from "./slice.js";

export interface AttentionOptions {
	/** Query i attends to the keys 0 … i only (default false). */
	readonly causal?: boolean;
	/**
	 * Broadcast to [..., L, S]: float32 that is added to the scores, or uint32 that is 0 for a key that a query
	 * does not attend to. It gets no gradient.
	 */
	readonly mask?: Tensor | Tensor<"uint32">;
	/** What the products of queries and keys are multiplied by (default 1 / √E). */
	readonly scale?: number;
}

/** Rows of a workgroup, and vectors of 4 columns. */
const tileRows = 64;
const tileVectors = 16;

/** The shapes of an attention, and what its kernels have in common. */
interface Attention {
	readonly q: Tensor;
	readonly k: Tensor;
	readonly v: Tensor;
	readonly mask: Tensor | Tensor<"uint32"> | undefined;
	readonly batch: number;
	readonly queries: number;
	readonly keys: number;
	/** Vectors of 4 of a query or key, and of a value; the last one may be filled up with zeros. */
	readonly depth: number;
	readonly width: number;
	readonly uniforms: UniformValues;
	/** For each value of a query, key, value or output. */
	readonly flops: number;
}

/** x with zeros after its last axis, so that 4 divides its length. */
function toVectors(x: Tensor): Tensor {
	const last = x.shape.length - 1;
	const length = x.shape[last];
	if (length % 4 === 0) return x;
	const size = 4 * Math.ceil(length / 4);
	return launchPad(
		name,
		x,
		x.shape.map((own, axis) => ({ size: axis === last ? size : own, before: 0, step: 1 })),
	);
}

/** x without the zeros of `toVectors`. */
function fromVectors(x: Tensor, shape: Shape): Tensor {
	return sameShape(x.shape, shape) ? x : launchSlice(name, x, shape.length - 1, 0, shape[shape.length - 1]);
}

/** The mask with one matrix for all of the batch, or one for each: another broadcast is a copy. */
function maskMemory({ mask, q, batch, queries, keys }: Attention) {
	if (mask === undefined) return q.memory();
	const size = queries * keys;
	if (mask.size === size || mask.size === batch * size) return mask.memory();
	return expanded<"float32" | "uint32">(name, mask, [...q.shape.slice(0, -2), queries, keys]).memory();
}

const name = "scaledDotProductAttention";

/** kernels/attention.wgsl: the output with vectors of 4, and the sums for the backward pass. */
function launchForward(attention: Attention): { readonly out: Tensor; readonly sums: Tensor } {
	const { q, k, v, batch, queries, depth, width, uniforms, flops } = attention;
	const { gpu } = q;
	return gpu.scope(() => {
		const out = gpu.empty([...q.shape.slice(0, -1), 4 * width]);
		const sums = gpu.empty([2, batch, queries]);
		const parts = Math.ceil(width / tileVectors);
		gpu.launch(attentionKernel, {
			bindings: [
				...[q, k, v].map((x) => toVectors(x).memory()),
				maskMemory(attention),
				...[out, sums].map((x) => x.memory()),
			],
			uniforms,
			workgroups: batch * parts * Math.ceil(queries / tileRows),
			flops: flops * (parts * depth + width),
		});
		return { out, sums };
	});
}

/** kernels/attention_grad_query.wgsl, then kernels/attention_grad_key.wgsl: the gradients of q, k and v. */
function launchBackward(attention: Attention, output: Tensor, sums: Tensor, gradient: Tensor): (Tensor | null)[] {
	const { batch, queries, keys, depth, width, uniforms, flops } = attention;
	const inputs = [attention.q, attention.k, attention.v] as const;
	const { gpu } = output;
	return gpu.scope(() => {
		const [q, k, v, out, dout] = [...inputs, output, gradient].map(toVectors);
		const mask = maskMemory(attention);
		const [dq, dk, dv] = [q, k, v].map((x) => gpu.empty(x.shape));
		const memories = (...tensors: Tensor[]) => tensors.map((x) => x.memory());
		const queryParts = Math.ceil(depth / tileVectors);
		gpu.launch(gradQueryKernel, {
			bindings: [...memories(q, k, v), mask, ...memories(out, dout, sums, dq)],
			uniforms,
			workgroups: batch * queryParts * Math.ceil(queries / tileRows),
			flops: flops * (queryParts * (depth + width) + depth),
		});
		const keyParts = Math.ceil(Math.max(depth, width) / tileVectors);
		if (attention.k.requiresGrad || attention.v.requiresGrad)
			gpu.launch(gradKeyKernel, {
				bindings: [...memories(q, k, v), mask, ...memories(dout, sums, dk, dv)],
				uniforms,
				workgroups: batch * keyParts * Math.ceil(keys / tileRows),
				flops: flops * (keyParts + 1) * (depth + width),
			});
		return [dq, dk, dv].map((dx, i) => (inputs[i].requiresGrad ? fromVectors(dx, inputs[i].shape) : null));
	});
}

/** @throws ShapeError, DTypeError, ArgumentError, DeviceMismatchError */
function checked(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Attention {
	for (const [argument, x] of Object.entries({ q, k, v })) {
		checkTensor(name, argument, x, "float32");
		if (x.shape.length < 2)
			throw new ShapeError(`${name}: ${argument} must be [..., rows, columns], but has shape ${formatShape(x.shape)}.`);
	}
	checkOptions(name, options, ["causal", "mask", "scale"]);
	const { causal = false, mask } = options;
	checkFlag(name, "causal", causal);
	if (mask !== undefined) checkTensor(name, "mask", mask, "float32", "uint32");
	commonGpu(name, q, k, v, mask);
	const lead = q.shape.slice(0, -2);
	const [queries, length] = q.shape.slice(-2);
	const [keys, columns] = v.shape.slice(-2);
	if (!sameShape(k.shape, [...lead, keys, length]) || !sameShape(v.shape.slice(0, -2), lead))
		throw new ShapeError(
			`${name}: q [..., L, E], k [..., S, E] and v [..., S, Ev] must have the same first axes, E and S, but have shapes ${formatShape(q.shape)}, ${formatShape(k.shape)} and ${formatShape(v.shape)}.`,
		);
	const { scale = 1 / Math.sqrt(length) } = options;
	checkNumber(name, "scale", scale);
	const scores = [...lead, queries, keys];
	if (mask !== undefined) {
		const missing = scores.length - mask.shape.length;
		if (missing < 0 || mask.shape.some((own, axis) => own !== 1 && own !== scores[axis + missing]))
			throw new ShapeError(
				`${name}: mask must broadcast to ${formatShape(scores)}, but has shape ${formatShape(mask.shape)}.`,
			);
		if (mask.requiresGrad)
			throw new GradientError(`${name}: mask has requiresGrad, but gets no gradient: pass stopGradient(mask).`);
	}
	const [batch, depth, width] = [sizeOf(lead), Math.ceil(length / 4), Math.ceil(columns / 4)];
	const uniforms = {
		queries,
		keys,
		depth,
		width,
		maskKind: mask === undefined ? 0 : mask.dtype === "float32" ? 1 : 2,
		maskBatch: mask === undefined || mask.size === queries * keys ? 0 : queries * keys,
		causal: causal ? 1 : 0,
		scale,
		masked: Number.NEGATIVE_INFINITY,
	};
	const flops = (causal ? 4 : 8) * batch * queries * keys;
	return { q, k, v, mask, batch, queries, keys, depth, width, uniforms, flops };
}

/**
 * softmax(scale · q · kᵀ + mask) · v, as torch.nn.functional.scaled_dot_product_attention. The scores are not stored, in
 * the backward pass neither, so its memory grows with L + S.
 *
 * A query that attends to no key gives 0, as in PyTorch since 2.5. With `causal` and a mask a key must pass both.
 *
 * @param q float32 [..., L, E]
 * @param k float32 [..., S, E]
 * @param v float32 [..., S, Ev]
 * @returns float32 [..., L, Ev]
 * @throws ShapeError if the shapes do not match, DTypeError, ArgumentError, DeviceMismatchError, GradientError if mask
 * requires a gradient
 * @example
 * const y = scaledDotProductAttention(q, k, v, { causal: true });
 */
export function scaledDotProductAttention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
	const attention = checked(q, k, v, options);
	const { mask } = attention;
	const shape = [...q.shape.slice(0, -1), v.shape[v.shape.length - 1]];
	const { out, sums } = q.gpu.scope(() => {
		const { out, sums } = launchForward(attention);
		return { out: fromVectors(out, shape), sums };
	});
	record(name, out, [q, k, v], [q, k, v, out, ...(mask === undefined ? [] : [mask])], (gradient) =>
		launchBackward(attention, out, sums, gradient),
	);
	if (!out.requiresGrad) sums.dispose();
	return out;
}
