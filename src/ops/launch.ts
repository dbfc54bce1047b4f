import type { Kernel } from "../gpu/kernel.js";
import type { Launch } from "../gpu/launch.js";
import type { AnyTensor } from "../tensor/tensor.js";

/** Invocations in a workgroup of the kernels that have one invocation for each element. */
const workgroupSize = 64;

/**
 * Launches a kernel with one invocation for each of `count` elements.
 *
 * @param tensors its bindings, contiguous
 */
export function launchElements(
	kernel: Kernel,
	count: number,
	tensors: readonly [AnyTensor, ...AnyTensor[]],
	values: Pick<Launch, "constants" | "uniforms"> = {},
): void {
	tensors[0].gpu.launch(kernel, {
		...values,
		bindings: tensors.map((tensor) => tensor.memory()),
		workgroups: Math.ceil(count / workgroupSize),
	});
}
