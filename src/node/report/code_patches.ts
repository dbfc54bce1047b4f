import type { Quantizer } from "../../quantizers/quantizer.js";
import type { VQVAE } from "../../vqvae/vqvae.js";
import { toBytes } from "../images/pictures.js";
import { spriteOf } from "./picture.js";
import type { CodePatches } from "./report_types.js";

/** The side of the square of equal codes that is decoded. */
const gridSide = 5;
/** The side of its middle that is shown: what two by two codes draw, since a code has 4 × 4 pixels. */
const patchSide = 8;
/** Codes that are shown of all levels together. */
const mostShown = 1024;
const codesPerBatch = 128;
const columns = 32;

/**
 * What each code draws: the middle of what the decoder makes of a square of that code, the most used codes first. A residual
 * quantizer's code is decoded with the most used code of each other level.
 *
 * @param counts how often each code is used, of each level
 */
export async function codePatches(
	model: VQVAE<Quantizer>,
	counts: readonly Uint32Array[],
): Promise<readonly CodePatches[]> {
	const ranked = counts.map(byUse);
	const common = ranked.map(([first = 0]) => first);
	const most = Math.max(1, Math.floor(mostShown / counts.length));
	const levels: CodePatches[] = [];
	for (const [level, uses] of counts.entries()) {
		const codes = (ranked[level] as readonly number[]).slice(0, most);
		const patches = await decodeSquares(
			model,
			codes.map((code) => common.map((other, at) => (at === level ? code : other))),
		);
		levels.push({
			total: uses.length,
			unused: uses.filter((count) => count === 0).length,
			uses: uses.reduce((sum, count) => sum + count, 0),
			shown: codes.map((code) => [code, uses[code] as number]),
			patches: spriteOf(
				patches,
				codes.length,
				{ channels: model.inChannels, height: patchSide, width: patchSide },
				columns,
			),
			columns: Math.min(columns, codes.length),
		});
	}
	return levels;
}

/** Codes by their use, the most used first. */
function byUse(counts: Uint32Array): number[] {
	return Array.from(counts.keys()).sort((a, b) => (counts[b] as number) - (counts[a] as number) || a - b);
}

/**
 * Decodes squares of equal codes.
 *
 * @param codes for each square its code of each level
 * @returns bytes [codes.length, C, patchSide, patchSide]
 */
async function decodeSquares(model: VQVAE<Quantizer>, codes: readonly (readonly number[])[]): Promise<Uint8Array> {
	const { gpu, levels } = model.vqLayer;
	const channels = model.inChannels;
	const size = channels * patchSide ** 2;
	const patches = new Uint8Array(codes.length * size);
	// All batches have one size, because kernels are compiled for each shape.
	const together = Math.min(codesPerBatch, codes.length);
	for (let first = 0; first < codes.length; first += together) {
		const part = Array.from({ length: together }, (_, i) => codes[Math.min(first + i, codes.length - 1)] ?? []);
		const grids = Uint32Array.from(part.flatMap((code) => Array.from({ length: gridSide ** 2 }, () => code).flat()));
		const shape = [together, gridSide, gridSide, ...(levels === 1 ? [] : [levels])];
		const decoded = gpu.scope(() => model.decode(gpu.tensor(grids, shape)));
		const pixels = toBytes(await decoded.data());
		decoded.dispose();
		const middles = middlesOf(pixels, together * channels);
		patches.set(middles.subarray(0, Math.min(together, codes.length - first) * size), first * size);
	}
	return patches;
}

/** The middles of square planes. */
function middlesOf(planes: Uint8Array, count: number): Uint8Array {
	const side = 4 * gridSide;
	const start = (side - patchSide) / 2;
	const middles = new Uint8Array(count * patchSide ** 2);
	for (let plane = 0; plane < count; plane++)
		for (let row = 0; row < patchSide; row++) {
			const from = (plane * side + start + row) * side + start;
			middles.set(planes.subarray(from, from + patchSide), (plane * patchSide + row) * patchSide);
		}
	return middles;
}
