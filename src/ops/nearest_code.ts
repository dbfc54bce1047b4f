import nearestCodeSubgroupsKernel from "../../kernels/nearest_code.subgroups.wgsl";
import nearestCodeKernel from "../../kernels/nearest_code.wgsl";
import prepareKernel from "../../kernels/nearest_code_prepare.wgsl";
import packRowsKernel from "../../kernels/pack_rows.wgsl";
import { ShapeError } from "../gpu/errors.js";
import { formatShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkDType, checkRank, commonGpu } from "./check.js";
import { launchElements } from "./launch.js";

/** Rows that the variant for subgroups has in a workgroup. */
const rowsInBlock = 16;
/** Smallest codebook, in numbers, for which packing the rows pays: at 128 × 16 both variants take the same time. */
const worthPacking = 2048;

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
	const lanes = codes * dimensions >= worthPacking ? gpu.subgroupSize : 0;
	const codesAtOnce = lanes > 0 ? 4 * lanes : 8;
	const paddedCodes = Math.ceil(codes / codesAtOnce) * codesAtOnce;
	return gpu.scope(() => {
		const index = gpu.empty([batch, ...positions], "uint32");
		const transposed = gpu.empty([dimensions, paddedCodes]);
		const halfNorm = gpu.empty([paddedCodes]);
		launchElements(prepareKernel, paddedCodes, [
			codebook,
			transposed,
			halfNorm,
			gpu.uniform(Uint32Array.of(codes, dimensions, paddedCodes)),
		]);
		const prepared = [transposed.storage, halfNorm.storage, index.storage];
		const flops = 2 * rows * codes * dimensions;
		if (lanes > 0) {
			const blocks = Math.ceil(rows / rowsInBlock);
			const packed = gpu.empty([blocks, dimensions, rowsInBlock]);
			const scalars = gpu.uniform(Uint32Array.of(rows, dimensions, rows / batch));
			launchElements(packRowsKernel, packed.size, [z, packed, scalars]);
			gpu.run(nearestCodeSubgroupsKernel, {
				constants: { SUBGROUP: lanes },
				bindings: [packed.storage, ...prepared, gpu.uniform(Uint32Array.of(rows, dimensions, paddedCodes))],
				workgroups: blocks,
				flops,
			});
		} else
			gpu.run(nearestCodeKernel, {
				bindings: [z.storage, ...prepared, gpu.uniform(Uint32Array.of(rows, dimensions, rows / batch, codes))],
				workgroups: Math.ceil(rows / 256),
				flops,
			});
		return index;
	});
}
