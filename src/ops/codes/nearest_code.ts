import directKernel from "../../../kernels/nearest_code_direct.wgsl";
import prepareKernel from "../../../kernels/nearest_code_prepare.wgsl";
import { ShapeError } from "../../base/errors.js";
import { formatShape, sizeOf } from "../../base/shape.js";
import type { Storage } from "../../gpu/storage.js";
import type { CodeTile } from "../../gpu/tiles.js";
import type { Variants } from "../../gpu/variant.js";
import { checkTensor } from "../../tensor/check_tensor.js";
import { blockSize, blocksOf, toBlocked } from "../../tensor/layout.js";
import type { Tensor } from "../../tensor/tensor.js";
import { checkRank, commonGpu } from "../check.js";
import { launchElements } from "../launch.js";
import { asVectors, tileChoices, tilesOf, vectorLoads } from "../tiles.js";
import { variantsForBatch } from "../variants.js";

/** The smallest codebook, in numbers, for which the blocked variant is faster. */
const leastBlockedCodebook = 1024;
/** Words of z that are copied to blocks at a time, at least. */
const leastCopy = 2 ** 17;

/**
 * The index of the code nearest to each vector, by Euclidean distance; the lowest index among equals. The distances are
 * never stored. No gradient flows through an index.
 *
 * The nearest code is that of Σ (z − e)² in float32, also for vectors far from the origin. A NaN distance counts as the
 * smallest, as in torch.argmin: a vector with NaN gets index 0.
 *
 * @param z float32 [N, D], or [B, D, H, W] whose vectors are along the channel axis
 * @param codebook float32 [K, D]
 * @returns uint32 [N], or [B, H, W]
 * @throws ShapeError, DTypeError, DeviceMismatchError
 */
export function nearestCode(z: Tensor, codebook: Tensor): Tensor<"uint32"> {
	checkTensor("nearestCode", "z", z, "float32");
	checkTensor("nearestCode", "codebook", codebook, "float32");
	const gpu = commonGpu("nearestCode", z, codebook);
	checkRank("nearestCode", "codebook", codebook.shape, 2, "[K, D]");
	const [codes, dimensions] = codebook.shape;
	if ((z.shape.length !== 2 && z.shape.length !== 4) || z.shape[1] !== dimensions)
		throw new ShapeError(
			`nearestCode: z must be [N, ${dimensions}] or [B, ${dimensions}, H, W] for a codebook ${formatShape(codebook.shape)}, but has shape ${formatShape(z.shape)}.`,
		);
	const variants = variantsForBatch(z);
	const prefersPortable = variants.length > 1 && variants[0] === "blocked" && codes * dimensions < leastBlockedCodebook;
	const ordered: Variants = prefersPortable ? ["portable", "blocked"] : variants;
	const tiles = tilesOf(gpu, (kernels) => kernels.codeTilesFor(z.size / dimensions, codes));
	return gpu.chooseVariant(`nearest code ${z.shape} ${codebook.shape}`, tileChoices(ordered, tiles), (choice) => {
		if (choice === "blocked") return launchBlocked(z, codebook);
		const tile = tiles.find(({ name }) => name === choice);
		return launchNearestCode(z, codebook, tile);
	});
}

/** kernels/nearest_code.wgsl, or its tiled variant. @internal */
export function launchNearestCode(z: Tensor, codebook: Tensor, tile?: CodeTile): Tensor<"uint32"> {
	const { gpu } = z;
	const [codes, dimensions] = codebook.shape;
	const [batch, , ...positions] = z.shape;
	const rows = z.size / dimensions;
	return gpu.scope(() => {
		const index = gpu.empty([batch, ...positions], "uint32");
		const { transposed, halfNorm } = launchPrepare(codebook, 8, 1);
		const inner = rows / batch;
		const uniforms = { rows, dimensions, inner, codes };
		const flops = 2 * rows * codes * dimensions;
		if (tile === undefined)
			gpu.launch(gpu.portableKernels.nearestCode, {
				bindings: [z, transposed, halfNorm, index].map((tensor) => tensor.memory()),
				uniforms,
				workgroups: Math.ceil(rows / 256),
				flops,
			});
		else
			gpu.launch(gpu.tiledKernels.nearestCode, {
				constants: { ...tile.constants, Z_LOADS: vectorLoads(inner, inner === 1 ? dimensions : 1, dimensions, inner) },
				bindings: [z, asVectors(z), transposed, halfNorm, index].map((tensor) => tensor.memory()),
				uniforms: { ...uniforms, part: Math.min(tile.constants.DEPTH as number, 4 * Math.ceil(dimensions / 4)) },
				workgroups: Math.ceil(rows / tile.rows),
				flops,
			});
		gpu.launch(directKernel, {
			bindings: [z, transposed, index].map((tensor) => tensor.memory()),
			uniforms,
			workgroups: Math.ceil(rows / 64),
			flops: 3 * rows * codes * dimensions,
		});
		return index;
	});
}

function launchBlocked(z: Tensor, codebook: Tensor): Tensor<"uint32"> {
	const { gpu } = z;
	const [codes, dimensions] = codebook.shape;
	const [batch, , ...positions] = z.shape;
	const plane = sizeOf(positions);
	const lanes = gpu.subgroupSize;
	const width = 4 * lanes;
	return gpu.scope(() => {
		const index = gpu.empty([batch, ...positions], "uint32");
		const { transposed, halfNorm } = launchPrepare(codebook, width, 2);
		const [paddedCodes] = halfNorm.shape;
		const launch = (blocked: Storage, first: number, blocks: number) =>
			gpu.launch(gpu.blockedKernels.nearestCode, {
				constants: { SUBGROUP: lanes },
				bindings: [blocked, transposed.memory(), halfNorm.memory(), index.memory()],
				uniforms: { images: batch, first, dimensions, plane, paddedCodes },
				workgroups: blocks * plane,
				flops: 2 * blocks * blockSize * plane * codes * dimensions,
			});
		if (z.layout === "blocked") launch(z.memory("blocked"), 0, blocksOf(batch));
		else {
			// A part of z at a time, so that its blocked copy takes no more memory than the indices, and stays in the cache.
			const blockWords = blockSize * dimensions * plane;
			const most = Math.floor(Math.max(batch * plane, leastCopy) / blockWords);
			const blocks = Math.min(blocksOf(batch), Math.max(1, most));
			const part = gpu.empty([blocks * blockWords]).memory();
			for (let first = 0; first < batch; first += blocks * blockSize) {
				toBlocked(gpu, z.memory(), z.shape, part, first);
				launch(part, first, Math.min(blocks, blocksOf(batch - first)));
			}
		}
		const paddedDimensions = transposed.shape[1];
		const image = dimensions * plane;
		const strides =
			z.layout === "contiguous"
				? { zImage: image, zPixel: 1, zDimension: plane }
				: { zImage: 1, zPixel: blockSize * dimensions, zDimension: blockSize };
		gpu.launch(gpu.blockedKernels.nearestCodeDirect, {
			constants: { SUBGROUP: lanes },
			bindings: [z.memory(z.layout), transposed.memory(), index.memory()],
			uniforms: {
				rows: index.size,
				dimensions,
				plane,
				codes,
				paddedDimensions,
				zBlock: blockSize * image,
				...strides,
			},
			workgroups: Math.ceil(index.size / 128),
			flops: 3 * index.size * codes * dimensions,
		});
		return index;
	});
}

/** The codebook as the kernels read it, see kernels/nearest_code_prepare.wgsl. */
export function launchPrepare(
	codebook: Tensor,
	width: number,
	dimensionMultiple: number,
): { readonly transposed: Tensor; readonly halfNorm: Tensor } {
	const { gpu } = codebook;
	const [codes, dimensions] = codebook.shape;
	const paddedCodes = Math.ceil(codes / width) * width;
	const paddedDimensions = Math.ceil(dimensions / dimensionMultiple) * dimensionMultiple;
	const transposed = gpu.empty([paddedCodes, paddedDimensions]);
	const halfNorm = gpu.empty([paddedCodes]);
	launchElements(prepareKernel, paddedCodes, [codebook, transposed, halfNorm], {
		uniforms: { codes, dimensions, paddedCodes, paddedDimensions, width },
	});
	return { transposed, halfNorm };
}
