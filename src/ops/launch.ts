import type { Constants, Kernel } from "../gpu/kernel.js";
import type { Storage } from "../gpu/storage.js";
import type { AnyTensor } from "../tensor/tensor.js";

/** Invocations in a workgroup of the kernels that have one invocation an element. */
const workgroupSize = 64;

/** Launches a kernel with one invocation for each of `count` elements. */
export function launchElements(
	kernel: Kernel,
	count: number,
	bindings: readonly (AnyTensor | Storage)[],
	constants: Constants = {},
): void {
	const gpu = (bindings.find((binding) => "gpu" in binding) as AnyTensor).gpu;
	gpu.launch(kernel, {
		constants,
		bindings: bindings.map((binding) => ("gpu" in binding ? binding.storage : binding)),
		workgroups: Math.ceil(count / workgroupSize),
	});
}
