import { type Shape, sizeOf } from "../../base/shape.js";
import { allocateTogether } from "../../gpu/join.js";
import type { Kernel, UniformValues } from "../../gpu/kernel.js";
import type { ProductSizes, Tile } from "../../gpu/tiles.js";
import { blocksOf } from "../../tensor/layout.js";
import { type Gpu, Tensor } from "../../tensor/tensor.js";
import { addSplits } from "../split_sums.js";
import { launchSum } from "../sum.js";
import { asVectors, tileChoices, tilesOf } from "../tiles.js";
import { variantsForBatch, withoutBlocked } from "../variants.js";
import { type Geometry, quartersFor } from "./plan.js";

/** What a workgroup of the portable kernel computes: output channels of weights. */
const tileRows = 8;
const tileColumns = 4;
/** Output channels of a workgroup of the blocked kernel. */
const blockedTileRows = 16;

/**
 * The gradients of a convolution's weight and, if it is wanted and the kernel can compute it in the same
 * pass, of its bias.
 */
export interface WeightGradient {
	readonly weight: Tensor;
	readonly bias?: Tensor;
}

/** The tensor whose sums over all axes but the channels are the gradient of the bias. */
export type BiasSource = "dy" | "input" | undefined;

/**
 * The gradient of a conv2d's weight.
 *
 * @param input float32 [N, inChannels, H, W]
 * @param dy float32 [N, outChannels, H', W'], the output's gradient
 * @param to the weight's shape, [outChannels, inChannels / groups, kH, kW]
 */
export function launchWeightGradient(
	input: Tensor,
	dy: Tensor,
	to: Shape,
	geometry: Geometry,
	biasOf: BiasSource,
): WeightGradient {
	const key = `weight gradient ${input.shape} ${dy.shape} ${to} ${Object.values(geometry)}`;
	const tiles = tilesOf(input.gpu, (kernels) => kernels.tilesForSplits(productsOf(dy, to, geometry)));
	const variants = geometry.groups === 1 ? variantsForBatch(input, dy.shape) : withoutBlocked(input);
	return input.gpu.chooseVariant(key, tileChoices(variants, tiles), (choice) => {
		if (choice === "blocked") return launchBlocked(input, dy, to, geometry, biasOf);
		const tile = tiles.find(({ name }) => name === choice);
		return tile === undefined
			? launchPortable(input, dy, to, geometry)
			: launchWeightGradientTiled(input, dy, to, geometry, biasOf, tile);
	});
}

/** Workgroups that a weight gradient should have at least, and pixels that a split should have at least. */
const leastWorkgroups = 256;
const leastPixels = 512;

/**
 * Split-K of a weight gradient: how many parts its sum over pixels is computed in.
 *
 * @param tiles workgroups of one part
 * @param rows that the parts can be made of
 */
function splitsFor(tiles: number, rows: number, pixels: number): number {
	return Math.max(1, Math.min(Math.floor(pixels / leastPixels), Math.ceil(leastWorkgroups / tiles), rows));
}

function uniformsFor(input: Tensor, dy: Tensor, to: Shape, geometry: Geometry, splits: number): UniformValues {
	const { stride, padding, dilation, groups } = geometry;
	return {
		batch: input.shape[0],
		inChannels: input.shape[1],
		inHeight: input.shape[2],
		inWidth: input.shape[3],
		outChannels: dy.shape[1],
		outHeight: dy.shape[2],
		outWidth: dy.shape[3],
		kernelHeight: to[2],
		kernelWidth: to[3],
		groups,
		strideY: stride[0],
		strideX: stride[1],
		paddingY: padding[0],
		paddingX: padding[1],
		dilationY: dilation[0],
		dilationX: dilation[1],
		splits,
	};
}

/** kernels/convolution_weight_grad.wgsl */
function launchPortable(input: Tensor, dy: Tensor, to: Shape, geometry: Geometry): WeightGradient {
	const { gpu } = input;
	const { groups } = geometry;
	const [outChannels, groupInputs, kernelHeight, kernelWidth] = to;
	const [batch, , height, width] = dy.shape;
	const pixels = batch * height * width;
	const rowTiles = groups * Math.ceil(outChannels / groups / tileRows);
	const tiles = rowTiles * Math.ceil((groupInputs * kernelHeight * kernelWidth) / tileColumns);
	const splits = splitsFor(tiles, batch * height, pixels);
	return gpu.scope(() => {
		const partial = gpu.empty(splits === 1 ? to : [splits, ...to]);
		gpu.launch(gpu.portableKernels.convolutionWeightGrad, {
			bindings: [input, dy, partial].map((tensor) => tensor.memory()),
			uniforms: uniformsFor(input, dy, to, geometry, splits),
			workgroups: tiles * splits,
			flops: 2 * pixels * sizeOf(to),
		});
		return { weight: splits === 1 ? partial : launchSum(partial, { r2: splits, k2: sizeOf(to) }, to) };
	});
}

/** The matrix products that a weight gradient is: one for each group. */
function productsOf(dy: Tensor, to: Shape, { groups }: Geometry): ProductSizes {
	const [outChannels, ...row] = to;
	return { rows: outChannels / groups, inner: dy.size / outChannels, columns: sizeOf(row), products: groups };
}

/** kernels/convolution_weight_grad.tiled.wgsl @internal */
export function launchWeightGradientTiled(
	input: Tensor,
	dy: Tensor,
	to: Shape,
	geometry: Geometry,
	biasOf: BiasSource,
	tile: Tile,
): WeightGradient {
	const { gpu } = input;
	const { tileCount, splitsOf, convolutionWeightGrad, loadsLate } = gpu.tiledKernels;
	const [outChannels] = to;
	const [, , height, width] = dy.shape;
	const products = productsOf(dy, to, geometry);
	const { columns, inner: pixels } = products;
	const splits = splitsOf(tile, products);
	const channels = biasOf === "input" ? input.shape[1] : outChannels;
	return gpu.scope(() => {
		const gradients = emptyGradients(gpu, to, biasOf === undefined ? 0 : channels);
		const { weight, bias } = gradients;
		const [partial, partialBias] =
			splits === 1
				? [weight, bias ?? gpu.empty([channels])]
				: emptyTogether(gpu, [splits, outChannels, columns], [splits, channels, 1]);
		gpu.launch(convolutionWeightGrad, {
			constants: {
				...tile.constants,
				DY_VECTORS: (height * width) % 4 === 0 ? 1 : 0,
				LATE_LOADS: loadsLate(gpu.adapter) ? 1 : 0,
			},
			bindings: [input, dy, asVectors(dy), partial, partialBias].map((tensor) => tensor.memory()),
			uniforms: {
				...uniformsFor(input, dy, to, geometry, splits),
				biasOf: biasOf === undefined ? 0 : biasOf === "dy" ? 1 : 2,
				part: tile.part,
			},
			workgroups: splits * (tileCount(tile, products) + (biasOf === undefined ? 0 : channels)),
			flops: 2 * pixels * sizeOf(to),
		});
		if (splits > 1) addPartial(gpu.tiledKernels.sumSplits, partial, partialBias, columns, gradients);
		return gradients;
	});
}

/** Tensors of two shapes, in one buffer if that is possible. */
function emptyTogether(gpu: Gpu, first: Shape, second: Shape): [Tensor, Tensor] {
	const [one, two] = allocateTogether(gpu, [4 * sizeOf(first), 4 * sizeOf(second)]);
	return [new Tensor(gpu, one, first, "float32"), new Tensor(gpu, two, second, "float32")];
}

/** @param biasChannels 0 for no bias */
function emptyGradients(gpu: Gpu, to: Shape, biasChannels: number): WeightGradient {
	if (biasChannels === 0) return { weight: gpu.empty(to) };
	const [weight, bias] = emptyTogether(gpu, to, [biasChannels]);
	return { weight, bias };
}

function addPartial(
	kernel: Kernel,
	partial: Tensor,
	partialBias: Tensor,
	columns: number,
	{ weight, bias }: WeightGradient,
): void {
	const ofWeight = { partial, columns, sum: weight };
	addSplits(kernel, bias === undefined ? [ofWeight] : [ofWeight, { partial: partialBias, columns: 1, sum: bias }]);
}

/** kernels/convolution_weight_grad.blocked.wgsl */
function launchBlocked(input: Tensor, dy: Tensor, to: Shape, geometry: Geometry, biasOf: BiasSource): WeightGradient {
	const { gpu } = input;
	const [outChannels, ...rowShape] = to;
	const [batch, , height, width] = dy.shape;
	const pixels = batch * height * width;
	const lanes = gpu.subgroupSize;
	const constants = { SUBGROUP: lanes, QUARTERS: quartersFor(outChannels, blockedTileRows) };
	const columns = sizeOf(rowShape);
	const columnTiles = Math.ceil(columns / (4 * lanes));
	const tiles = Math.ceil(outChannels / (4 * constants.QUARTERS)) * columnTiles;
	const splits = splitsFor(tiles, blocksOf(batch) * height, pixels);
	const rowLength = 4 * lanes * columnTiles;
	return gpu.scope(() => {
		const gradients = emptyGradients(gpu, to, biasOf === "dy" ? outChannels : 0);
		const [partial, partialBias] = emptyTogether(gpu, [splits, outChannels, rowLength], [splits, outChannels, 1]);
		gpu.launch(gpu.blockedKernels.convolutionWeightGrad, {
			constants,
			bindings: [input.memory("blocked"), dy.memory("blocked"), partial.memory(), partialBias.memory()],
			uniforms: uniformsFor(input, dy, to, geometry, splits),
			workgroups: tiles * splits,
			flops: 2 * pixels * sizeOf(to),
		});
		addPartial(gpu.blockedKernels.sumSplits, partial, partialBias, columns, gradients);
		return gradients;
	});
}
