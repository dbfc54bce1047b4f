import type { Constants, Kernel, UniformValues } from "../gpu/kernel.js";
import type { Storage } from "../gpu/storage.js";
import { wordsOf } from "../tensor/layout.js";
import type { Tensor } from "../tensor/tensor.js";

/**
 * Launches a kernel with one invocation for each vector of 4 words over tensors of one shape. If one of them
 * is blocked, all are read and the result is written so.
 */
export function launchElementwise(
	kernel: Kernel,
	inputs: readonly [Tensor, ...Tensor[]],
	constants: Constants = {},
	uniforms: UniformValues = {},
): Tensor {
	const [{ gpu, shape }] = inputs;
	const layout = inputs.some((x) => x.layout === "blocked") ? "blocked" : "contiguous";
	return gpu.scope(() => {
		const out = gpu.empty(shape, "float32", layout);
		// An input that is there twice is converted once.
		const memories = new Map<Tensor, Storage>();
		for (const tensor of new Set(inputs)) memories.set(tensor, tensor.memory(layout));
		gpu.launch(kernel, {
			constants,
			uniforms,
			bindings: [...inputs.map((tensor) => memories.get(tensor) as Storage), out.memory(layout)],
			workgroups: Math.ceil(wordsOf(shape, layout) / 256),
		});
		return out;
	});
}
