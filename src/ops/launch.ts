import type { Kernel } from "../gpu/kernel.js";
import type { Launch } from "../gpu/launch.js";
import type { AnyTensor } from "../tensor/tensor.js";

/** Invocations in a workgroup of the kernels that have one invocation for each element or vector. */
const workgroupSize = 64;

const none = {};

/**
 * Launches a kernel with one invocation for each of `count` elements, or vectors of 4.
 *
 * @param count rounded up
 * @param tensors its bindings, contiguous
 */
export function launchElements(
	kernel: Kernel,
	count: number,
	tensors: readonly [AnyTensor, ...AnyTensor[]],
	values: Pick<Launch, "constants" | "uniforms"> = {},
): void {
	const { constants = none, uniforms = none } = values;
	const bindings = tensors.map((tensor) => tensor.memory());
	tensors[0].gpu.launch(kernel, { constants, uniforms, bindings, workgroups: Math.ceil(count / workgroupSize) });
}
