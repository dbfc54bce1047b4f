import convolution from "../../kernels/convolution.tiled.wgsl";
import convolutionFew from "../../kernels/convolution_few.tiled.wgsl";
import type { AdapterDescription } from "./adapter.js";
import type { Constants, Kernel, UniformValues } from "./kernel.js";
import { enough, type ProductSizes, type Tile, tileCount, tilesFor } from "./tiles.js";

type Size = readonly [number, number];

/** What the choice of a tile needs to know of a convolution; a ConvolutionPlan has it. */
export interface ConvolutionSizes {
	/** [N, channels, H, W] */
	readonly output: readonly number[];
	readonly kernel: Size;
	readonly groups: number;
	/** Channels of a group. */
	readonly groupInputs: number;
	readonly groupOutputs: number;
	readonly weightStrides: { readonly group: number; readonly output: number; readonly input: number };
	/** See kernels/convolution.wgsl. */
	readonly steps: { readonly inStep: Size; readonly outStep: Size; readonly tapStep: Size };
}

/**
 * How a workgroup of kernels/convolution_few.tiled.wgsl computes pixels of all output channels of a group.
 */
export interface FewChannelsTile {
	/** For the timings: invocations: columns × rows × images / parts. */
	readonly name: `tiled ${string}`;
	readonly constants: Constants;
	readonly uniforms: UniformValues;
	readonly workgroups: number;
	/** About how long it takes, for the choice. */
	readonly cost: number;
}

export type ConvolutionTile = Tile | FewChannelsTile;

/**
 * A launch of the tile's kernel, but for its bindings and the uniforms that all kernels of convolutions
 * have.
 */
export interface ConvolutionLaunch {
	readonly kernel: Kernel;
	readonly constants: Constants;
	readonly uniforms: UniformValues;
	readonly workgroups: number;
}

/** The most output channels of a group for which convolution_few.tiled.wgsl is. */
const mostOutputs = 4;
/** Its pixels of an invocation, and the most taps of a window. */
const blockRows = 4;
const mostWindow = 5;
/** The most vectors that an invocation copies at a time. */
const mostCopies = 4;

/** The tiles for a convolution, the preferred one first. */
export function convolutionTilesFor(sizes: ConvolutionSizes): readonly ConvolutionTile[] {
	const products = productsOf(sizes);
	if (sizes.groupOutputs > mostOutputs) return tilesFor(products);
	const few = fewChannelsTilesFor(sizes).sort(byCost);
	const [tile] = tilesFor(products);
	// Before and after the loop, and in it.
	const instructions = 1000 + Math.ceil(products.inner / tile.parts) * 80;
	const cost = instructions * Math.max(tileCount(tile, products) * tile.invocations, 2 * enough);
	const cheaper = few.filter((candidate) => candidate.cost < cost);
	return [...cheaper, tile];
}

/**
 * Whether the tiled kernels load the next values after their innermost loop, although the loads then do not
 * overlap with it: AMD's compiler moves them there in any case, and needs fewer registers if it need not.
 */
export function loadsLate({ vendor }: AdapterDescription): boolean {
	return vendor === "amd";
}

export function convolutionLaunch(
	sizes: ConvolutionSizes,
	tile: ConvolutionTile,
	adapter: AdapterDescription,
): ConvolutionLaunch {
	const { steps, weightStrides, groupInputs } = sizes;
	const uniforms = {
		tapPeriodY: period(steps.outStep[0], steps.tapStep[0]),
		tapPeriodX: period(steps.outStep[1], steps.tapStep[1]),
		groupStride: weightStrides.group,
		outputStride: weightStrides.output,
		inputStride: weightStrides.input,
	};
	const sameTap = groupInputs % 4 === 0 ? 1 : 0;
	return "workgroups" in tile
		? {
				kernel: convolutionFew,
				constants: tile.constants,
				uniforms: { ...uniforms, ...tile.uniforms },
				workgroups: tile.workgroups,
			}
		: {
				kernel: convolution,
				// With one tap for four values these have few addresses.
				constants: { ...tile.constants, SAME_TAP: sameTap, LATE_LOADS: loadsLate(adapter) ? 1 - sameTap : 0 },
				uniforms: { ...uniforms, part: tile.part },
				workgroups: tileCount(tile, productsOf(sizes)),
			};
}

/** The matrix products that a convolution is: one for each group and phase. */
function productsOf({ output, kernel, groups, groupInputs, groupOutputs, steps }: ConvolutionSizes): ProductSizes {
	const [batch = 1, , height = 1, width = 1] = output;
	const [phasesY, phasesX] = steps.outStep;
	return {
		rows: groupOutputs,
		inner: Math.ceil((groupInputs * kernel[0] * kernel[1]) / (phasesY * phasesX)),
		columns: batch * Math.ceil(height / phasesY) * Math.ceil(width / phasesX),
		products: groups * phasesY * phasesX,
	};
}

/**
 * Of how many taps next to each other one counts for a phase: the least t > 0 for which outStep divides
 * t·tapStep.
 */
function period(outStep: number, tapStep: number): number {
	let taps = 1;
	while ((taps * tapStep) % outStep !== 0) taps++;
	return taps;
}

/**
 * What the choice of a tile computes from the sizes first: pixels of a phase, taps of a phase, and others.
 */
function fewChannelsShape({ output, kernel, groups, groupInputs, groupOutputs, steps }: ConvolutionSizes) {
	const [batch = 1, , outHeight = 1, outWidth = 1] = output;
	const [phasesY, phasesX] = steps.outStep;
	const periodY = period(phasesY, steps.tapStep[0]);
	const periodX = period(phasesX, steps.tapStep[1]);
	const tapsY = Math.ceil(kernel[0] / periodY);
	const tapsX = Math.ceil(kernel[1] / periodX);
	// All phases must have as many taps, and neighbouring taps must read neighbouring rows.
	const sameRows = kernel[0] % periodY === 0 && Math.abs(periodY * steps.tapStep[0]) === steps.inStep[0] * phasesY;
	const window = sameRows ? largestDivisor(tapsY, mostWindow) : 1;
	return {
		batch,
		groups,
		groupOutputs,
		channels: Math.min(groupInputs, 4),
		quads: Math.ceil(groupInputs / 4),
		planes: phasesY * phasesX * groups,
		width: Math.ceil(outWidth / phasesX),
		blocks: Math.ceil(outHeight / phasesY / blockRows),
		window,
		windows: tapsY / window,
		tapsX,
		inStepX: steps.inStep[1],
		halo: ((tapsX - 1) * Math.abs(periodX * steps.tapStep[1])) / phasesX + 1,
	};
}

/** The best tile for each number of invocations; none if the part of x that a tile needs is too large. */
function fewChannelsTilesFor(sizes: ConvolutionSizes): FewChannelsTile[] {
	const shape = fewChannelsShape(sizes);
	const { quads, width } = shape;
	return [64, 128, 256].flatMap((lanes) => {
		const tiles: FewChannelsTile[] = [];
		for (let parts = 1; parts < 2 * quads && parts <= lanes / 2; parts *= 2)
			for (const most of [width, Math.ceil(width / 2)])
				tiles.push(...fewChannelsTile(shape, lanes, Math.min(parts, quads), most));
		return tiles.sort(byCost).slice(0, 1);
	});
}

function byCost(a: FewChannelsTile, b: FewChannelsTile): number {
	return a.cost - b.cost;
}

/**
 * The largest rectangle of pixels, of at most so many columns, that so many invocations compute in so many
 * parts of the input channels; none if the part of x that it needs is too large.
 */
function fewChannelsTile(
	shape: ReturnType<typeof fewChannelsShape>,
	lanes: number,
	parts: number,
	mostColumns: number,
): FewChannelsTile[] {
	const { batch, groups, groupOutputs, channels, planes, width, blocks, window, windows, tapsX, inStepX, halo } = shape;
	const weights = windows * window * tapsX * groupOutputs;
	const regionOf = (columns: number) => (columns - 1) * inStepX + halo;
	const slotsOf = (tileBlocks: number) => windows * (blockRows * tileBlocks + window - 1);
	/** Whether so many vectors of input channels, and their weights, fit into workgroup memory. */
	const fits = (columns: number, tileBlocks: number, quads: number) =>
		quads * (columns * oddFrom(slotsOf(tileBlocks)) + weights) <= mostCopies * lanes && quads * weights <= lanes;

	const mostBlocks = Math.floor(lanes / parts);
	let tileWidth = evenly(width, Math.min(mostBlocks, mostColumns));
	while (!fits(regionOf(tileWidth), 1, parts)) {
		if (tileWidth === 1) return [];
		tileWidth = Math.ceil(tileWidth / 2);
	}
	const region = regionOf(tileWidth);
	let tileBlocks = evenly(blocks, Math.floor(mostBlocks / tileWidth));
	while (!fits(region, tileBlocks, parts)) tileBlocks--;
	tileBlocks = evenly(blocks, tileBlocks);
	let images = 1;
	if (groups === 1 && tileWidth === width && tileBlocks === blocks)
		while (
			images < batch &&
			(images + 1) * tileWidth * tileBlocks <= mostBlocks &&
			fits((images + 1) * region, tileBlocks, parts)
		)
			images++;
	const columns = images * region;
	let partQuads = 1;
	while (parts * partQuads < shape.quads && fits(columns, tileBlocks, parts * (partQuads + 1))) partQuads++;

	const quads = parts * partQuads;
	const slots = slotsOf(tileBlocks);
	const copies = Math.ceil((quads * columns * slots) / lanes);
	const workgroups = planes * Math.ceil(width / tileWidth) * Math.ceil(blocks / tileBlocks) * Math.ceil(batch / images);
	const weightStart = quads * columns * oddFrom(slots);
	const products = partQuads * windows * tapsX * (window * groupOutputs * blockRows * channels + 8);
	// Before the loop, and for each copy to workgroup memory.
	const instructions = 400 + Math.ceil(shape.quads / quads) * (60 + 4 * channels * (copies + 1) + products);
	return [
		{
			name: `tiled ${lanes}: ${tileWidth}×${blockRows * tileBlocks}×${images}/${parts}`,
			constants: {
				LANES: lanes,
				SIZE: Math.max(64 * Math.ceil((weightStart + quads * weights) / 64), groupOutputs * lanes),
				OUTPUTS: groupOutputs,
				CHANNELS: channels,
				WINDOW: window,
				COPIES: copies,
			},
			uniforms: {
				tileImages: images,
				tileWidth,
				tileBlocks,
				parts,
				quads,
				partQuads,
				regionWidth: region,
				slots,
				columnStride: oddFrom(slots),
				weightStart,
			},
			workgroups,
			cost: instructions * Math.max(workgroups * lanes, 2 * enough),
		},
	];
}

/** The largest size of equal parts of `length` that are at most `most` long. */
function evenly(length: number, most: number): number {
	return Math.ceil(length / Math.ceil(length / most));
}

function largestDivisor(n: number, most: number): number {
	let divisor = Math.min(n, most);
	while (n % divisor !== 0) divisor--;
	return divisor;
}

/** n, or the odd number after it. */
function oddFrom(n: number): number {
	return n + 1 - (n % 2);
}
