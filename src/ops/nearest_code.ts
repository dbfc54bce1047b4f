import nearestCodeKernel from "../../kernels/nearest_code.wgsl";
import prepareKernel from "../../kernels/nearest_code_prepare.wgsl";
import { ShapeError } from "../gpu/errors.js";
import { formatShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkDType, checkRank, commonGpu } from "./check.js";
import { launchElements } from "./launch.js";

/**
 * The index of the code nearest to each vector, by Euclidean distance; the lowest index among equals. The distances are
 * never stored. No gradient flows through an index.
 *
 * @param z float32 [N, D], or [B, D, H, W] whose vectors lie along the channels
 * @param codebook float32 [K, D]
 * @returns uint32 [N], or [B, H, W]
 * @throws ShapeError, DTypeError, DeviceMismatchError
 */
export function nearestCode(z: Tensor, codebook: Tensor): Tensor<"uint32"> {
	const gpu = commonGpu("nearestCode", z, codebook);
	checkDType("nearestCode", "z", z, "float32");
	checkDType("nearestCode", "codebook", codebook, "float32");
	checkRank("nearestCode", "codebook", codebook.shape, 2, "[K, D]");
	const [codes, dimensions] = codebook.shape;
	if ((z.shape.length !== 2 && z.shape.length !== 4) || z.shape[1] !== dimensions)
		throw new ShapeError(
			`nearestCode: z must be [N, ${dimensions}] or [B, ${dimensions}, H, W] for a codebook ${formatShape(codebook.shape)}, but has shape ${formatShape(z.shape)}.`,
		);
	const [batch, , ...positions] = z.shape;
	const rows = z.size / dimensions;
	const paddedCodes = Math.ceil(codes / 8) * 8;
	return gpu.scope(() => {
		const transposed = gpu.empty([dimensions, paddedCodes]);
		const halfNorm = gpu.empty([paddedCodes]);
		launchElements(prepareKernel, paddedCodes, [
			codebook,
			transposed,
			halfNorm,
			gpu.uniform(Uint32Array.of(codes, dimensions)),
		]);
		const index = gpu.empty([batch, ...positions], "uint32");
		gpu.run(nearestCodeKernel, {
			bindings: [
				z.storage,
				transposed.storage,
				halfNorm.storage,
				index.storage,
				gpu.uniform(Uint32Array.of(rows, dimensions, rows / batch, codes)),
			],
			workgroups: Math.ceil(rows / 256),
			flops: 2 * rows * codes * dimensions,
		});
		return index;
	});
}
