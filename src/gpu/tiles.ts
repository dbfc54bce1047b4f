import type { Constants } from "./kernel.js";

/** How a workgroup of a tiled kernel (kernels/*.tiled.wgsl) computes a tile of a matrix product. */
export interface Tile {
	/** For the timings: rows × columns / parts. */
	readonly name: `tiled ${string}`;
	readonly rows: number;
	readonly columns: number;
	/** Parts of the inner dimension that different invocations of a workgroup multiply. */
	readonly parts: number;
	/** Of a workgroup. */
	readonly invocations: number;
	/** How much of the inner dimension an invocation multiplies at a time, for the uniforms. */
	readonly part: number;
	readonly constants: Constants;
}

/**
 * @param lanes invocations along the rows and along the columns, each with 8 × 8 results
 * @param depth how much of the inner dimension is in workgroup memory at a time
 */
function tile([lanesY, lanesX]: readonly [number, number], parts: number, depth: number): Tile {
	const rows = 8 * lanesY;
	const columns = 8 * lanesX;
	return {
		name: `tiled ${rows}×${columns}/${parts}`,
		rows,
		columns,
		parts,
		invocations: lanesX * lanesY * parts,
		part: depth / parts,
		constants: { LANES_X: lanesX, LANES_Y: lanesY, PARTS: parts, DEPTH: depth },
	};
}

/**
 * The tiles, by size. Each has 64 or 128 invocations, at most 16 KiB of workgroup memory, and at most one 4
 * × 4 block of each factor for an invocation to copy. The large ones use a value that was loaded most
 * often. The small ones fill the GPU with small products: their invocations have parts of the inner
 * dimension.
 */
export const tiles: readonly Tile[] = [
	tile([8, 8], 1, 16),
	tile([8, 4], 2, 16),
	tile([4, 8], 2, 16),
	tile([4, 4], 4, 32),
	tile([2, 8], 4, 16),
	tile([8, 2], 4, 16),
	tile([4, 4], 8, 64),
	tile([2, 4], 8, 32),
	tile([2, 2], 16, 64),
	tile([2, 2], 32, 64),
];

/** Invocations that fill a large GPU. */
export const enough = 2 ** 15;
/** A tile may waste this much more of its rows and columns at the edges than the tile that wastes least. */
const tolerableWaste = 1.25;

/** The sizes of one or more equal matrix products that one launch computes. */
export interface ProductSizes {
	readonly rows: number;
	readonly inner: number;
	readonly columns: number;
	/** How many products (default 1): a tile has results of one of them. */
	readonly products?: number;
}

/** How many tiles the products have. */
export function tileCount(tile: Tile, { rows, columns, products = 1 }: ProductSizes): number {
	return products * Math.ceil(rows / tile.rows) * Math.ceil(columns / tile.columns);
}

/**
 * The tiles for products, the preferred one first: the largest of which there are enough to fill the GPU, or
 * the one with the most invocations.
 *
 * @param splits of the inner dimension, over workgroups, at most (default 1)
 */
export function tilesFor(sizes: ProductSizes, splits = 1): readonly [Tile, ...Tile[]] {
	const { inner } = sizes;
	const count = (tile: Tile) => tileCount(tile, sizes);
	const area = (tile: Tile) => count(tile) * tile.rows * tile.columns;
	const invocations = (tile: Tile) => splits * count(tile) * tile.invocations;
	const fitting = tiles.filter(({ parts }) => parts <= Math.max(4, inner / 2));
	const least = Math.min(...fitting.map(area));
	const [first, ...others] = fitting.filter((tile) => area(tile) <= tolerableWaste * least) as [Tile, ...Tile[]];
	const candidates = [first, ...others];
	const preferred =
		candidates.find((tile) => invocations(tile) >= enough) ??
		candidates.reduce((most, tile) => (invocations(tile) > invocations(most) ? tile : most), first);
	return [preferred, ...candidates.filter((tile) => tile !== preferred)];
}

/** Of a long inner dimension, a split should have at least this, so that the sums of the splits are few. */
const leastSplit = 256;

/**
 * The tiles for a product whose inner dimension may be split over workgroups, the preferred one first: the
 * largest with which splits of a sensible length fill the GPU, or the one with the most invocations.
 */
export function tilesForSplits(sizes: ProductSizes): readonly [Tile, ...Tile[]] {
	return tilesFor(sizes, mostSplits(sizes));
}

/** How many splits of the inner dimension fill the GPU. */
export function splitsOf(tile: Tile, sizes: ProductSizes): number {
	return Math.min(mostSplits(sizes), Math.ceil(enough / (tileCount(tile, sizes) * tile.invocations)));
}

function mostSplits({ inner }: ProductSizes): number {
	return Math.max(1, Math.floor(inner / leastSplit));
}

/** Dimensions that are in workgroup memory at a time. */
const codeDepth = 16;

/** How a workgroup of kernels/nearest_code.tiled.wgsl shares out vectors and codes. */
export interface CodeTile {
	readonly name: `tiled ${string}`;
	/** Vectors of a workgroup. */
	readonly rows: number;
	readonly invocations: number;
	readonly constants: Constants;
}

/** @param lanes invocations along the vectors and along the codes, each with 4 · quads of both */
function codeTile([lanesY, lanesX]: readonly [number, number], quads: number): CodeTile {
	const rows = 4 * quads * lanesY;
	return {
		name: `tiled ${rows}×${4 * quads * lanesX}`,
		rows,
		invocations: lanesX * lanesY,
		constants: { LANES_X: lanesX, LANES_Y: lanesY, QUADS: quads, DEPTH: codeDepth },
	};
}

/**
 * The one with the most results an invocation, and two with more invocations for few vectors: for many
 * codes, and for few.
 *
 * @internal
 */
export const codeTiles = [codeTile([8, 8], 2), codeTile([8, 32], 1), codeTile([8, 8], 1)] as const;

/**
 * The tiles for so many vectors and codes, the preferred one first: of few codes the smallest; else the
 * largest of which there are enough to fill the GPU.
 */
export function codeTilesFor(rows: number, codes: number): readonly CodeTile[] {
	const [large, wide, small] = codeTiles;
	const tile = codes <= 32 ? small : Math.ceil(rows / large.rows) * large.invocations >= enough ? large : wide;
	return [tile, ...codeTiles.filter((other) => other !== tile)];
}
