import countCodesKernel from "../../../kernels/count_codes.wgsl";
import { ShapeError } from "../../base/errors.js";
import { formatShape } from "../../base/shape.js";
import { checkTensor } from "../../tensor/check_tensor.js";
import type { Tensor } from "../../tensor/tensor.js";
import { commonGpu } from "../check.js";
import { launchElements } from "../launch.js";

/**
 * Adds to `counts`, in place, how often each code occurs among the indices.
 *
 * @param indices uint32 or int32, any shape
 * @param counts uint32 [K]
 * @throws ShapeError, DTypeError, DeviceMismatchError
 */
export function countCodes(indices: Tensor<"uint32"> | Tensor<"int32">, counts: Tensor<"uint32">): void {
	checkTensor("countCodes", "indices", indices, "uint32", "int32");
	checkTensor("countCodes", "counts", counts, "uint32");
	commonGpu("countCodes", indices, counts);
	if (counts.shape.length !== 1)
		throw new ShapeError(`countCodes: counts must be [K], but have shape ${formatShape(counts.shape)}.`);
	launchElements(countCodesKernel, indices.size, [indices, counts]);
}
