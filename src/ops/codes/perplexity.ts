import perplexityKernel from "../../../kernels/perplexity.wgsl";
import { checkNumber } from "../../base/arguments.js";
import { checkTensor } from "../../tensor/check_tensor.js";
import type { Tensor } from "../../tensor/tensor.js";
import { countCodes } from "./count_codes.js";

/**
 * exp of the entropy of the codes' frequencies among the indices, exp(−Σ p ln p): the effective number of codes
 * in use, between 1 and K. Over one batch it is lower than over a whole data set.
 *
 * @param indices uint32 or int32, any shape
 * @param codes K; an index outside [0, K) is not counted
 * @returns float32, a scalar; 0 if nothing was counted
 * @throws DTypeError
 */
export function perplexity(indices: Tensor<"uint32"> | Tensor<"int32">, codes: number): Tensor {
	checkTensor("perplexity", "indices", indices, "uint32", "int32");
	checkNumber("perplexity", "codes", codes, { least: 1, whole: true });
	const { gpu } = indices;
	return gpu.scope(() => {
		const counts = gpu.zeros([codes], "uint32");
		countCodes(indices, counts);
		const value = gpu.empty([]);
		gpu.launch(perplexityKernel, { bindings: [counts.memory(), value.memory()], workgroups: 1 });
		return value;
	});
}
