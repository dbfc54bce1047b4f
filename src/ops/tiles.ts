import type { Constants } from "../gpu/kernel.js";
import type { Choices, Variants } from "../gpu/variant.js";
import type { Tensor } from "../tensor/tensor.js";

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
 * The tiles, by size. Each has 64 or 128 invocations, at most 16 KiB of workgroup memory, and at most one 4 × 4 block of each
 * factor for an invocation to copy. The large ones use a value that was loaded most often. The small ones fill the GPU with small
 * products: their invocations have parts of the inner dimension.
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
];

/** Invocations that fill a large GPU. */
export const enough = 2 ** 15;
/** A tile may waste this much more of its rows and columns at the edges than the tile that wastes least. */
const tolerableWaste = 1.25;

/**
 * The tiles for a product of rows × inner and inner × columns, the preferred one first: the largest of which there are enough to
 * fill the GPU, or the one with the most invocations.
 *
 * @param splits of the inner dimension, over workgroups, at most (default 1)
 */
export function tilesFor(rows: number, columns: number, inner: number, splits = 1): readonly [Tile, ...Tile[]] {
	const count = (tile: Tile) => Math.ceil(rows / tile.rows) * Math.ceil(columns / tile.columns);
	const area = (tile: Tile) => count(tile) * tile.rows * tile.columns;
	const invocations = (tile: Tile) => splits * count(tile) * tile.invocations;
	const fitting = tiles.filter(({ parts }) => parts <= Math.max(4, inner / 4));
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
 * The tiles for a product whose inner dimension may be split over workgroups, the preferred one first: the largest with which
 * splits of a sensible length fill the GPU, or the one with the most invocations.
 */
export function tilesForSplits(rows: number, columns: number, inner: number): readonly [Tile, ...Tile[]] {
	return tilesFor(rows, columns, inner, Math.max(1, Math.floor(inner / leastSplit)));
}

/** How many splits of the inner dimension fill the GPU, if a split has so many tiles. */
export function splitsOf({ invocations }: Tile, count: number, inner: number): number {
	return Math.max(1, Math.min(Math.floor(inner / leastSplit), Math.ceil(enough / (count * invocations))));
}

/** Whether a tiled kernel can bind a factor: it reads vectors of 4. */
export function canTile({ size }: Tensor): boolean {
	return size >= 4;
}

/** What is chosen from if an operation has these variants: each of the tiles for "tiled", or "portable" if there are none. */
export function tileChoices(variants: Variants, tiles: readonly Pick<Tile, "name">[]): Choices<string> {
	const names = tiles.length > 0 ? tiles.map(({ name }) => name) : ["portable"];
	const choices = variants.flatMap((variant) => (variant === "tiled" ? names : [variant]));
	const [first = "portable", ...others] = new Set(choices);
	return [first, ...others];
}
