import type { Constants, Kernel } from "../gpu/kernel.js";
import type { Tensor } from "../tensor/tensor.js";
import { blockedStorage, emptyBlocked } from "./blocked.js";

/**
 * Launches a kernel with one invocation a word over tensors of one shape, in blocks where one of them lies so; the result
 * has that shape, too.
 */
export function elementwise(kernel: Kernel, inputs: readonly [Tensor, ...Tensor[]], constants: Constants = {}): Tensor {
	const [{ gpu, shape }] = inputs;
	return gpu.scope(() => {
		const blocked = inputs.some((x) => x.blocked !== null) ? emptyBlocked(gpu, shape) : undefined;
		const tensor = blocked?.tensor ?? gpu.empty(shape);
		const out = blocked?.storage ?? tensor.storage;
		gpu.launch(kernel, {
			constants,
			bindings: [...inputs.map((x) => (blocked === undefined ? x.storage : blockedStorage(x))), out],
			workgroups: Math.ceil(out.bytes / 256),
		});
		return tensor;
	});
}
