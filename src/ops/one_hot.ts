import { checkNumber } from "../base/arguments.js";
import { checkAnyTensor } from "../tensor/check_tensor.js";
import type { AnyTensor, Tensor } from "../tensor/tensor.js";
import { launchCompare } from "./compare.js";

/**
 * 1 at the index, else 0, along a new last axis, as torch.nn.functional.one_hot. An index outside [0, classes)
 * gives zeros.
 *
 * @param indices uint32 or int32, any shape
 * @param classes at least 1
 * @returns uint32 [...indices.shape, classes]
 * @throws ArgumentError, DTypeError
 * @example
 * const targets = cast(oneHot(labels, 10), "float32");
 */
export function oneHot(indices: Tensor<"uint32"> | Tensor<"int32">, classes: number): Tensor<"uint32"> {
	checkAnyTensor("oneHot", "indices", indices, "uint32", "int32");
	checkNumber("oneHot", "classes", classes, { least: 1, most: 2 ** 31 - 1, whole: true });
	const { gpu } = indices;
	return gpu.scope(() => {
		const column = (indices as AnyTensor).share([...indices.shape, 1]);
		return launchCompare("equal", column, gpu.arange(0, classes, 1, indices.dtype));
	});
}
