import { Random } from "../../src/base/random.js";
import { generateDigits } from "../../src/data/digits.js";

/** Tiles in a row and rows of the mosaic. */
const COLUMNS = 42;
const ROWS = 36;
/** A digit is this many tiles wide and high, of 1.5 × 1.5 pixels each: the inner 24 × 24 of its 28 × 28. */
const DIGIT = 16;
/** Images of the built-in data set: a 2, a 0, a 1 and a 7, for the year of the VQ-VAE. */
const SHOWN = [25, 28, 58, 102];
/** A tile and the joint next to it, in units of the picture. */
const PITCH = 10;
/** Classes of the stones between the digits, and shades of the stones of a digit. */
const STONES = 4;
const SHADES = 3;

/**
 * Four of the built-in digits as a mosaic, an SVG whose tiles have classes: stone-0 … stone-3 between the digits, and
 * digit-0-0 … digit-3-2 for the shades of the four digits. Towards its edge tiles are missing.
 */
export function mosaic(): string {
	const random = new Random(3);
	const { pixels } = generateDigits(Math.max(...SHOWN) + 1, 11);
	const paths = new Map<string, string[]>();
	for (let row = 0; row < ROWS; row++)
		for (let column = 0; column < COLUMNS; column++) {
			const name = tileAt(row, column);
			// Every tile takes its numbers, so that one tile that is left out does not move the others.
			const outline = tile(PITCH * column, PITCH * row);
			if (name === undefined) continue;
			const path = paths.get(name) ?? [];
			paths.set(name, path);
			path.push(outline);
		}
	const tiles = [...paths].sort().map(([name, path]) => `<path class="${name}" d="${path.join("")}"/>`);
	const [width, height] = [PITCH * COLUMNS, PITCH * ROWS];
	const title = "A mosaic of four handwritten digits: 2, 0, 1, 7";
	return `<svg class="mosaic" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">${tiles.join("")}</svg>`;

	/** The class of a tile, or undefined if it is missing. */
	function tileAt(row: number, column: number): string | undefined {
		const [y, x] = [row - (ROWS - 2 * DIGIT) / 2, column - (COLUMNS - 2 * DIGIT) / 2];
		const stone = `stone-${random.integer(STONES)}`;
		const present = random.uniform();
		if (y >= 0 && x >= 0 && y < 2 * DIGIT && x < 2 * DIGIT) {
			const place = 2 * Math.floor(y / DIGIT) + Math.floor(x / DIGIT);
			const value = valueAt(SHOWN[place] ?? 0, y % DIGIT, x % DIGIT);
			if (value >= 0.2) return `digit-${place}-${Math.min(SHADES - 1, Math.floor(((value - 0.2) / 0.8) * SHADES))}`;
		}
		const edge = Math.min(row + 0.5, ROWS - row - 0.5, (column + 0.5) * 0.7, (COLUMNS - column - 0.5) * 0.7);
		return present < edge / 3.2 ? stone : undefined;
	}

	/** The mean of the pixels under a tile, 0 … 1. */
	function valueAt(image: number, row: number, column: number): number {
		let sum = 0;
		for (let i = 0; i < 9; i++) {
			const y = 2 + Math.floor(1.5 * row + Math.floor(i / 3) / 2 + 0.25);
			const x = 2 + Math.floor(1.5 * column + (i % 3) / 2 + 0.25);
			sum += pixels[784 * image + 28 * y + x] ?? 0;
		}
		return sum / (9 * 255);
	}

	/** A tile whose corners are not quite square. */
	function tile(left: number, top: number): string {
		const shift = () => 0.3 + 1.1 * random.uniform();
		const [l, t, r, b] = [left, top, left + PITCH, top + PITCH];
		const corners = [
			[l + shift(), t + shift()],
			[r - shift(), t + shift()],
			[r - shift(), b - shift()],
			[l + shift(), b - shift()],
		];
		return `M${corners.map((corner) => corner.map((value) => value.toFixed(1)).join(" ")).join("L")}Z`;
	}
}
