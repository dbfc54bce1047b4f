import finiteScalarKernel from "../../../kernels/finite_scalar.wgsl";
import finiteScalarGradKernel from "../../../kernels/finite_scalar_grad.wgsl";
import finiteScalarLookupKernel from "../../../kernels/finite_scalar_lookup.wgsl";
import { record } from "../../autograd/tape.js";
import { ShapeError } from "../../base/errors.js";
import { formatShape } from "../../base/shape.js";
import { checkTensor } from "../../tensor/check_tensor.js";
import type { Tensor } from "../../tensor/tensor.js";
import { checkRank, commonGpu } from "../check.js";
import { launchElements } from "../launch.js";
import { vectorsOf } from "./latents.js";

/**
 * Finite scalar quantization (Mentzer et al., "Finite scalar quantization: VQ-VAE made simple", 2023, appendix A.1): each
 * element is bounded by a tanh and rounded to one of its dimension's levels, without a codebook. The formula, with the
 * paper's (1 − ε) and tan, is that of kernels/finite_scalar.wgsl. The gradient takes rounding as the identity.
 *
 * @param z float32 [N, D], or [B, D, H, W] whose vectors are along the channel axis
 * @param levels uint32 [D], each at least 2, their product below 2³²
 * @returns the rounded elements, in [−1, 1], and for each vector its index below the product of the levels, the first
 * dimension varying fastest: uint32 [N], or [B, H, W]
 * @throws ShapeError, DTypeError, DeviceMismatchError
 */
export function finiteScalar(
	z: Tensor,
	levels: Tensor<"uint32">,
): { readonly quantized: Tensor; readonly indices: Tensor<"uint32"> } {
	const name = "finiteScalar";
	const { layout, vectors, positions } = vectorsOf(name, "z", z);
	checkLevels(name, levels);
	const gpu = commonGpu(name, z, levels);
	if (levels.size !== layout.DIMENSIONS)
		throw new ShapeError(
			`${name}: z ${formatShape(z.shape)} has ${layout.DIMENSIONS} dimensions, but there are ${levels.size} levels.`,
		);
	const quantized = gpu.empty(z.shape);
	const indices = gpu.empty(positions, "uint32");
	launchElements(finiteScalarKernel, vectors, [z, levels, quantized, indices], { constants: { ...layout } });
	record(name, quantized, [z], [z, levels], (gradient) => {
		const dz = gpu.empty(z.shape);
		launchElements(finiteScalarGradKernel, z.size, [z, levels, gradient, dz], { constants: { ...layout } });
		return [dz];
	});
	return { quantized, indices };
}

/**
 * The vectors to which `finiteScalar` gives these indices; zeros for an index out of range.
 *
 * @param indices uint32 or int32 [N], or [B, H, W]
 * @param levels uint32 [D]
 * @returns float32 [N, D], or [B, D, H, W]
 * @throws ShapeError, DTypeError, DeviceMismatchError
 */
export function finiteScalarLookup(indices: Tensor<"uint32"> | Tensor<"int32">, levels: Tensor<"uint32">): Tensor {
	const name = "finiteScalarLookup";
	checkTensor(name, "indices", indices, "uint32", "int32");
	checkLevels(name, levels);
	const gpu = commonGpu(name, indices, levels);
	if (indices.shape.length !== 1 && indices.shape.length !== 3)
		throw new ShapeError(`${name}: indices must be [N] or [B, H, W], but have shape ${formatShape(indices.shape)}.`);
	const out = gpu.empty(indices.shape.toSpliced(1, 0, levels.size));
	const constants = { DIMENSIONS: levels.size, INNER: indices.size / indices.shape[0] };
	launchElements(finiteScalarLookupKernel, indices.size, [indices, levels, out], { constants });
	return out;
}

function checkLevels(operation: string, levels: Tensor<"uint32">): void {
	checkTensor(operation, "levels", levels, "uint32");
	checkRank(operation, "levels", levels.shape, 1, "[D]");
}
