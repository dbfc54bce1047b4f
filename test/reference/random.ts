import { normalQuantiles } from "../../src/tensor/normal_quantiles.js";

/** Jarzynski & Olano's pcg4d. */
function pcg4d(seed: readonly number[]): number[] {
	let [x, y, z, w] = seed.map((word) => (Math.imul(word, 1664525) + 1013904223) >>> 0) as [
		number,
		number,
		number,
		number,
	];
	const round = () => {
		x = (x + Math.imul(y, w)) >>> 0;
		y = (y + Math.imul(z, x)) >>> 0;
		z = (z + Math.imul(x, y)) >>> 0;
		w = (w + Math.imul(y, z)) >>> 0;
	};
	round();
	[x, y, z, w] = [x, y, z, w].map((word) => (word ^ (word >>> 16)) >>> 0) as [number, number, number, number];
	round();
	return [x, y, z, w];
}

const table = normalQuantiles();

function normalOf(bits: number): number {
	const p = bits & 0x7fffffff;
	let interval = 832 + p;
	let position = 0;
	if (p >= 32) {
		const octave = 31 - Math.clz32(p);
		const start = 2 ** octave;
		const within = ((p - start) * 32) / start;
		interval = (30 - octave) * 32 + Math.floor(within);
		position = Math.floor((within - Math.floor(within)) * 2 ** 16);
	}
	const [from, to] = [table[2 * interval], table[2 * interval + 1]] as [number, number];
	const size = from + Math.floor(((to - from) * position) / 2 ** 16);
	return (bits > 0x7fffffff ? -size : size) * 2 ** -20;
}

/** Random numbers of a seed: uniform in [0, 1), or normal. */
export function random(seed: number, count: number, normal: boolean): number[] {
	return Array.from({ length: Math.ceil(count / 4) }, (_, vector) => pcg4d([seed, 0, vector, 0]))
		.flat()
		.slice(0, count)
		.map((bits) => (normal ? normalOf(bits) : (bits >>> 8) * 2 ** -24));
}
