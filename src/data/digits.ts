import { checkNumber, checkOptions } from "../base/arguments.js";
import { Random } from "../base/random.js";
import { DIGIT_STYLES } from "./digit_strokes.js";
import type { ImageSet } from "./image_set.js";

/** The digits of MNIST are in 20 × 20 of the 28 × 28 pixels. */
const MNIST_SIZE = 28;
const MNIST_BOX = 20;
/** Bytes of all images at most: about what a typed array can hold in every browser. */
const MOST_BYTES = 2 ** 31;
/** Width of the grey edge of a line, in pixels: about that of a scan that was scaled down. */
const EDGE = 1.3;
/** Line segments that are drawn between two points of a stroke. */
const PIECES_PER_SPAN = 5;
/** Plane waves whose sum is the elastic displacement. */
const WAVES = 4;

/** One way of writing a digit; a stroke is a list of points. */
interface Style {
	readonly weight: number;
	readonly strokes: readonly (readonly Point[])[];
}

type Point = readonly [x: number, y: number];

/** A line: positions of the pen, and its radius at each. */
interface Line {
	readonly x: Float64Array;
	readonly y: Float64Array;
	readonly radius: Float64Array;
}

/**
 * The built-in data set: digits that look handwritten, drawn from strokes, white on black as in MNIST. Each image takes
 * one of the writing styles of its digit, bends it by a smooth random displacement field (after Simard, Steinkraus and
 * Platt, "Best practices for convolutional neural networks", 2003), slants, rotates and scales it, draws it with a
 * round pen of random width and pressure, and centres its centre of mass.
 *
 * The same seed gives the same bytes, except for how an engine rounds `Math.sin`. Image i depends only on the seed and
 * on i, so a longer set starts with the shorter one. The classes are balanced: images 10 k to 10 k + 9 show each digit
 * once, in random order.
 *
 * @param count number of images, at most 2 ** 31 / size²
 * @param seed an integer
 * @param options.size height and width in pixels, 8 to 16384 (default 28)
 * @returns uint8 [count, 1, size, size], with labels
 * @throws ArgumentError if `count` or `size` is out of range, or `seed` is not an integer
 * @example
 * const digits = generateDigits(1024, 0);
 * const packed = packImages(gpu, digits.pixels, [1024, 1, 28, 28]);
 */
export function generateDigits(count: number, seed: number, options: { readonly size?: number } = {}): ImageSet {
	const name = "generateDigits";
	checkOptions(name, options, ["size"]);
	const { size = MNIST_SIZE } = options;
	checkNumber(name, "size", size, { least: 8, most: 2 ** 14, whole: true });
	checkNumber(name, "count", count, { least: 0, most: Math.floor(MOST_BYTES / size ** 2), whole: true });
	checkNumber(name, "seed", seed, { whole: true });
	const pixels = new Uint8Array(count * size * size);
	const labels = new Uint8Array(count);
	const digits = parseStyles();
	let order: Uint32Array = new Uint32Array();
	for (let i = 0; i < count; i++) {
		if (i % 10 === 0) order = new Random(mix(seed, -1 - i)).permutation(10);
		labels[i] = order[i % 10];
		const lines = writeDigit(digits[labels[i]], size / MNIST_SIZE, new Random(mix(seed, i)));
		drawLines(lines, size, pixels.subarray(i * size * size, (i + 1) * size * size));
	}
	return { name: "digits", count, channels: 1, height: size, width: size, pixels, labels };
}

/** The styles of each digit, on a scale where a digit is 1 high. */
function parseStyles(): Style[][] {
	const parsePoint = (point: string): Point => {
		const [x, y] = point.split(",");
		return [Number(x) / 100, Number(y) / 100];
	};
	return DIGIT_STYLES.map((styles) =>
		styles.map(([weight, ...strokes]) => ({ weight, strokes: strokes.map((s) => s.split(" ").map(parsePoint)) })),
	);
}

/** A 32-bit seed from two integers (steps of the finalizer of MurmurHash3, which is in the public domain). */
function mix(seed: number, index: number): number {
	let hash = seed | 0;
	for (const value of [0x9e3779b9, index, 0x27d4eb2f]) {
		hash = Math.imul(hash ^ (hash >>> 16) ^ value, 0x85ebca6b);
		hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
	}
	return hash ^ (hash >>> 16);
}

/** The lines of one digit in pixel coordinates; `scale` is the frame's size over MNIST's. */
function writeDigit(styles: readonly Style[], scale: number, random: Random): Line[] {
	const penRadius = scale * Math.min(2.1, Math.max(0.7, 1.27 * Math.exp(random.normal(0, 0.25))));
	const lines = pickStyle(styles, random).strokes.map((stroke) => trace(stroke, penRadius, random));
	distort(lines, random);
	fit(lines, scale * MNIST_BOX * random.uniform(0.92, 1) - 2 * penRadius);
	const middle = (scale * MNIST_SIZE) / 2;
	centre(lines, middle + scale * random.normal(0, 0.3), middle + scale * random.normal(0, 0.3));
	return lines;
}

function pickStyle(styles: readonly Style[], random: Random): Style {
	const total = styles.reduce((sum, { weight }) => sum + weight, 0);
	let left = random.uniform(0, total);
	for (const style of styles) {
		left -= style.weight;
		if (left < 0) return style;
	}
	return styles[0];
}

/** A stroke as a line: a Catmull–Rom spline through its points, with a pressure that rises and falls. */
function trace(stroke: readonly Point[], penRadius: number, random: Random): Line {
	const spans = stroke.length - 1;
	const pieces = spans * PIECES_PER_SPAN;
	const line = {
		x: new Float64Array(pieces + 1),
		y: new Float64Array(pieces + 1),
		radius: new Float64Array(pieces + 1),
	};
	const swell = random.uniform(0.03, 0.16);
	const phase = random.uniform(0, 2 * Math.PI);
	const pace = random.uniform(2, 6);
	for (let i = 0; i <= pieces; i++) {
		const span = Math.min(Math.floor(i / PIECES_PER_SPAN), spans - 1);
		const t = i / PIECES_PER_SPAN - span;
		line.x[i] = spline(stroke, 0, span, t);
		line.y[i] = spline(stroke, 1, span, t);
		line.radius[i] = penRadius * (1 + swell * Math.sin(phase + (pace * i) / pieces));
	}
	return line;
}

/** Coordinate `axis` at `t` in [0, 1] between points `span` and `span + 1`; an end continues straight. */
function spline(stroke: readonly Point[], axis: 0 | 1, span: number, t: number): number {
	const at = (i: number): number => stroke[i][axis];
	const b = at(span);
	const c = at(span + 1);
	const a = span > 0 ? at(span - 1) : 2 * b - c;
	const d = span + 2 < stroke.length ? at(span + 2) : 2 * c - b;
	return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

/**
 * Bends, stretches, slants and rotates a digit. The displacement field is a sum of plane waves of random direction, which
 * is a Gaussian random field like the smoothed noise of Simard (Rahimi and Recht, "Random features", 2007), but needs no
 * grid. Points that meet stay together.
 */
function distort(lines: readonly Line[], random: Random): void {
	const waves = Array.from({ length: WAVES }, () => ({
		alongX: random.normal(0, 2.8),
		alongY: random.normal(0, 2.8),
		phase: random.uniform(0, 2 * Math.PI),
		pushX: random.uniform(-0.075, 0.075),
		pushY: random.uniform(-0.075, 0.075),
	}));
	const stretch = Math.exp(random.normal(0.12, 0.17));
	const slant = random.normal(0.16, 0.22);
	const angle = random.normal(0, 0.09);
	const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
	for (const { x, y } of lines) {
		for (let i = 0; i < x.length; i++) {
			let [shiftX, shiftY] = [0, 0];
			for (const { alongX, alongY, phase, pushX, pushY } of waves) {
				const wave = Math.sin(alongX * x[i] + alongY * y[i] + phase);
				shiftX += pushX * wave;
				shiftY += pushY * wave;
			}
			const movedY = y[i] + shiftY;
			const movedX = stretch * (x[i] + shiftX) - slant * movedY;
			x[i] = cosine * movedX - sine * movedY;
			y[i] = sine * movedX + cosine * movedY;
		}
	}
}

/** Scales a digit so that the longer side of its bounding box is `length`. */
function fit(lines: readonly Line[], length: number): void {
	const extent = (axis: "x" | "y"): number => {
		const values = lines.flatMap((line) => [Math.min(...line[axis]), Math.max(...line[axis])]);
		return Math.max(...values) - Math.min(...values);
	};
	const factor = length / Math.max(extent("x"), extent("y"));
	for (const { x, y } of lines) {
		for (let i = 0; i < x.length; i++) {
			x[i] *= factor;
			y[i] *= factor;
		}
	}
}

/** Moves a digit so that its centre of mass, taken along its lines, is at (`middleX`, `middleY`). */
function centre(lines: readonly Line[], middleX: number, middleY: number): void {
	let [mass, sumX, sumY] = [0, 0, 0];
	for (const { x, y, radius } of lines) {
		for (let i = 1; i < x.length; i++) {
			const piece = Math.hypot(x[i] - x[i - 1], y[i] - y[i - 1]) * radius[i];
			mass += piece;
			sumX += (piece * (x[i] + x[i - 1])) / 2;
			sumY += (piece * (y[i] + y[i - 1])) / 2;
		}
	}
	for (const { x, y } of lines) {
		for (let i = 0; i < x.length; i++) {
			x[i] += middleX - sumX / mass;
			y[i] += middleY - sumY / mass;
		}
	}
}

/** Draws lines with round ends and joints: the grey of a pixel depends on the distance of its centre to the nearest edge. */
function drawLines(lines: readonly Line[], size: number, pixels: Uint8Array): void {
	for (const { x, y, radius } of lines) {
		for (let i = 1; i < x.length; i++) {
			const [fromX, fromY] = [x[i - 1], y[i - 1]];
			const [alongX, alongY] = [x[i] - fromX, y[i] - fromY];
			const squared = alongX * alongX + alongY * alongY;
			const reach = Math.max(radius[i - 1], radius[i]) + EDGE / 2;
			const left = Math.max(0, Math.ceil(Math.min(fromX, x[i]) - reach - 0.5));
			const right = Math.min(size - 1, Math.floor(Math.max(fromX, x[i]) + reach - 0.5));
			const top = Math.max(0, Math.ceil(Math.min(fromY, y[i]) - reach - 0.5));
			const bottom = Math.min(size - 1, Math.floor(Math.max(fromY, y[i]) + reach - 0.5));
			for (let row = top; row <= bottom; row++) {
				for (let column = left; column <= right; column++) {
					const [px, py] = [column + 0.5 - fromX, row + 0.5 - fromY];
					const t = squared > 0 ? Math.min(1, Math.max(0, (px * alongX + py * alongY) / squared)) : 0;
					const [offX, offY] = [px - t * alongX, py - t * alongY];
					const rim = radius[i - 1] + t * (radius[i] - radius[i - 1]);
					const cover = 0.5 + (rim - Math.sqrt(offX * offX + offY * offY)) / EDGE;
					const grey = Math.round(255 * Math.min(1, cover));
					if (grey > pixels[row * size + column]) pixels[row * size + column] = grey;
				}
			}
		}
	}
}
