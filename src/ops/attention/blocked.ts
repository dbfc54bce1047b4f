import type { UniformValues } from "../../gpu/kernel.js";
import type { AnyTensor, Tensor } from "../../tensor/tensor.js";
import { type AttentionGradients, type AttentionOutput, type AttentionPlan, sharesMask } from "./plan.js";

/** Lanes of a subgroup; queries and keys of a workgroup. */
const lanes = 8;
const tileRows = 32;
/** Columns of a workgroup: of out or dq, and of dk and dv each. */
const tileColumns = 128;
const tileKeyColumns = 64;

/** The words of packed matrices [length, inner]: blocks of 32 rows, with an even number of columns. */
function packedSize(count: number, length: number, inner: number): number {
	return count * Math.ceil(length / tileRows) * 2 * Math.ceil(inner / 2) * tileRows;
}

/** Whether the device has the blocked kernels, and can bind the packed copies that they read. */
export function isBlocked(plan: AttentionPlan): boolean {
	const { q, batch, queries, keys, depth, width } = plan;
	const { gpu } = q;
	if (gpu.variants[0] !== "blocked" || gpu.subgroupSize !== lanes) return false;
	const masks = sharesMask(plan) ? 1 : batch;
	const sizes = [
		packedSize(batch, Math.max(queries, keys), Math.max(depth, width)),
		plan.mask === undefined ? 0 : Math.max(packedSize(masks, queries, keys), packedSize(masks, keys, queries)),
	];
	return 4 * Math.max(...sizes) <= gpu.bindableBytes;
}

/** kernels/pack_factor.blocked.wgsl of matrices [length, inner], or with `transposed` [inner, length]. */
function packed(x: AnyTensor, count: number, length: number, inner: number, transposed = false): Tensor {
	const { gpu } = x;
	const copy = gpu.empty([packedSize(count, length, inner)]);
	gpu.launch(gpu.blockedKernels.packFactor, {
		bindings: [x.memory(), copy.memory()],
		uniforms: {
			length,
			inner,
			outerStride: transposed ? 1 : inner,
			innerStride: transposed ? length : 1,
			width: tileRows,
			paddedInner: 2 * Math.ceil(inner / 2),
		},
		workgroups: Math.ceil(copy.size / 1024),
	});
	return copy;
}

/** The mask in blocks of 32 queries, or with `byKey` of 32 keys, and the uniforms. */
function packedMask(plan: AttentionPlan, byKey: boolean): { readonly mask: Tensor; readonly uniforms: UniformValues } {
	const { q, mask, batch, queries, keys, depth, width } = plan;
	const [length, inner] = byKey ? [keys, queries] : [queries, keys];
	const one = sharesMask(plan);
	return {
		mask: mask === undefined ? q.gpu.empty([4]) : packed(mask, one ? 1 : batch, length, inner, byKey),
		uniforms: { ...plan.uniforms, depth, width, maskBatch: one ? 0 : packedSize(1, length, inner) / 4 },
	};
}

/** kernels/attention.blocked.wgsl, after what it reads is packed. */
export function launchBlocked(plan: AttentionPlan): AttentionOutput {
	const { batch, queries, keys, depth, width, flops } = plan;
	const { gpu } = plan.q;
	return gpu.scope(() => {
		const out = gpu.empty([...plan.q.shape.slice(0, -1), width]);
		const sums = gpu.empty([2, batch, queries]);
		const q = packed(plan.q, batch, queries, depth);
		const k = packed(plan.k, batch, keys, depth);
		const v = packed(plan.v, batch, keys, width);
		const { mask, uniforms } = packedMask(plan, false);
		const parts = Math.ceil(width / tileColumns);
		gpu.launch(gpu.blockedKernels.attention, {
			bindings: [q, k, v, mask, out, sums].map((x) => x.memory()),
			uniforms,
			workgroups: batch * parts * Math.ceil(queries / tileRows),
			flops: flops * (parts * depth + width),
		});
		return { out, sums };
	});
}

/** kernels/attention_grad_query.blocked.wgsl, then kernels/attention_grad_key.blocked.wgsl */
export function launchBlockedGradients(
	plan: AttentionPlan,
	{ out, sums }: AttentionOutput,
	gradient: Tensor,
): AttentionGradients {
	const { batch, queries, keys, depth, width, flops } = plan;
	const { gpu } = gradient;
	const { attentionGradKey, attentionGradQuery } = gpu.blockedKernels;
	return gpu.scope(() => {
		const [dq, dk, dv] = [plan.q, plan.k, plan.v].map((x) => gpu.empty(x.shape));
		const q = packed(plan.q, batch, queries, depth);
		const k = packed(plan.k, batch, keys, depth);
		const v = packed(plan.v, batch, keys, width);
		const dout = packed(gradient, batch, queries, width);
		const byQuery = packedMask(plan, false);
		const queryParts = Math.ceil(depth / tileColumns);
		gpu.launch(attentionGradQuery, {
			bindings: [q, k, v, byQuery.mask, out, dout, sums, dq].map((x) => x.memory()),
			uniforms: byQuery.uniforms,
			workgroups: batch * queryParts * Math.ceil(queries / tileRows),
			flops: flops * (queryParts * (depth + width) + depth),
		});
		if (!plan.k.requiresGrad && !plan.v.requiresGrad) return [dq, null, null];
		const byKey = packedMask(plan, true);
		const keyParts = Math.ceil(Math.max(depth, width) / tileKeyColumns);
		gpu.launch(attentionGradKey, {
			bindings: [q, k, v, byKey.mask, dout, sums, dk, dv].map((x) => x.memory()),
			uniforms: byKey.uniforms,
			workgroups: batch * keyParts * Math.ceil(keys / tileRows),
			flops: flops * (keyParts + 1) * (depth + width),
		});
		return [dq, dk, dv];
	});
}
