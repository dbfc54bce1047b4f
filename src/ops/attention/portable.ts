import attentionKernel from "../../../kernels/attention.wgsl";
import gradKeyKernel from "../../../kernels/attention_grad_key.wgsl";
import gradQueryKernel from "../../../kernels/attention_grad_query.wgsl";
import { type Shape, sameShape } from "../../base/shape.js";
import type { UniformValues } from "../../gpu/kernel.js";
import type { Tensor } from "../../tensor/tensor.js";
import { launchPad } from "../pad.js";
import { launchSlice } from "../slice.js";
import { type AttentionGradients, type AttentionOutput, type AttentionPlan, operation, sharesMask } from "./plan.js";

/** Rows of a workgroup, and vectors of 4 columns. */
const tileRows = 64;
const tileVectors = 16;

/** x with zeros after its last axis, so that 4 divides its length. */
function toVectors(x: Tensor): Tensor {
	const last = x.shape.length - 1;
	const length = x.shape[last];
	if (length % 4 === 0) return x;
	const size = 4 * Math.ceil(length / 4);
	const paddings = x.shape.map((own, axis) => ({ size: axis === last ? size : own, before: 0, step: 1 }));
	return launchPad(operation, x, paddings);
}

/** x without the zeros of `toVectors`. */
function fromVectors(x: Tensor, shape: Shape): Tensor {
	return sameShape(x.shape, shape) ? x : launchSlice(operation, x, shape.length - 1, 0, shape[shape.length - 1]);
}

/** The uniform of the portable kernels, in which E and Ev are vectors of 4. */
function uniformsOf(plan: AttentionPlan): UniformValues & { readonly depth: number; readonly width: number } {
	return {
		...plan.uniforms,
		depth: Math.ceil(plan.depth / 4),
		width: Math.ceil(plan.width / 4),
		maskBatch: sharesMask(plan) ? 0 : plan.queries * plan.keys,
	};
}

/** kernels/attention.wgsl */
export function launchPortable(plan: AttentionPlan): AttentionOutput {
	const { q, k, v, mask = q, batch, queries, flops } = plan;
	const { gpu } = q;
	const uniforms = uniformsOf(plan);
	return gpu.scope(() => {
		const out = gpu.empty([...q.shape.slice(0, -1), 4 * uniforms.width]);
		const sums = gpu.empty([2, batch, queries]);
		const parts = Math.ceil(uniforms.width / tileVectors);
		gpu.launch(attentionKernel, {
			bindings: [toVectors(q), toVectors(k), toVectors(v), mask, out, sums].map((x) => x.memory()),
			uniforms,
			workgroups: batch * parts * Math.ceil(queries / tileRows),
			flops: flops * (parts * plan.depth + plan.width),
		});
		return { out: fromVectors(out, [...q.shape.slice(0, -1), plan.width]), sums };
	});
}

/** kernels/attention_grad_query.wgsl, then kernels/attention_grad_key.wgsl */
export function launchPortableGradients(
	plan: AttentionPlan,
	output: AttentionOutput,
	gradient: Tensor,
): AttentionGradients {
	const { batch, queries, keys, flops } = plan;
	const { gpu } = gradient;
	const uniforms = uniformsOf(plan);
	return gpu.scope(() => {
		const { sums } = output;
		const [q, k, v, out, dout] = [plan.q, plan.k, plan.v, output.out, gradient].map(toVectors);
		const [dq, dk, dv] = [q, k, v].map((x) => gpu.empty(x.shape));
		const mask = plan.mask ?? q;
		const queryParts = Math.ceil(uniforms.depth / tileVectors);
		gpu.launch(gradQueryKernel, {
			bindings: [q, k, v, mask, out, dout, sums, dq].map((x) => x.memory()),
			uniforms,
			workgroups: batch * queryParts * Math.ceil(queries / tileRows),
			flops: flops * (queryParts * (plan.depth + plan.width) + plan.depth),
		});
		if (!plan.k.requiresGrad && !plan.v.requiresGrad) return [fromVectors(dq, plan.q.shape), null, null];
		const keyParts = Math.ceil(Math.max(uniforms.depth, uniforms.width) / tileVectors);
		gpu.launch(gradKeyKernel, {
			bindings: [q, k, v, mask, dout, sums, dk, dv].map((x) => x.memory()),
			uniforms,
			workgroups: batch * keyParts * Math.ceil(keys / tileRows),
			flops: flops * (keyParts + 1) * (plan.depth + plan.width),
		});
		return [fromVectors(dq, plan.q.shape), fromVectors(dk, plan.k.shape), fromVectors(dv, plan.v.shape)];
	});
}
