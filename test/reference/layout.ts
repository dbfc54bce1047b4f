import { type Array64, array, sizeOf } from "./array.js";

/** blocked[b, p, c, j] = x[first + 16·b + j, c, p] for pixel p; 0 if there is no such image. x [N, C, …] → [blocks, plane, C, 16] */
export function blockImages(x: Array64, blocks: number, first = 0): Array64 {
	const [images, channels, ...plane] = x.shape as [number, number, ...number[]];
	const pixels = sizeOf(plane);
	const blocked: number[] = [];
	for (let b = 0; b < blocks; b++)
		for (let p = 0; p < pixels; p++)
			for (let c = 0; c < channels; c++)
				for (let j = 0; j < 16; j++) {
					const n = first + 16 * b + j;
					blocked.push(n < images ? (x.data[(n * channels + c) * pixels + p] as number) : 0);
				}
	return array([blocks, pixels, channels, 16], blocked);
}

/** x[16·b + j, c, p] = blocked[b, p, c, j], for as many images as `shape` [N, C, …] has. */
export function unblockImages(blocked: Array64, shape: readonly number[]): Array64 {
	const [images, channels, ...plane] = shape as [number, number, ...number[]];
	const pixels = sizeOf(plane);
	const x: number[] = [];
	for (let n = 0; n < images; n++)
		for (let c = 0; c < channels; c++)
			for (let p = 0; p < pixels; p++)
				x.push(blocked.data[((Math.floor(n / 16) * pixels + p) * channels + c) * 16 + (n % 16)] as number);
	return array(shape, x);
}

/**
 * packed[b, tap, i, j] = w[width·b + j, i, tap], 0 if there is no such output or input channel: w [O, I, taps] →
 * [⌈O / width⌉, taps, inputs, width]. With `tapsAsOutputs` tap t of output o is output o·taps + t of a weight with one tap.
 */
export function packWeights(w: Array64, width: number, inputs: number, tapsAsOutputs = false): Array64 {
	const [outputs, ownInputs, taps] = w.shape as [number, number, number];
	const at = (o: number, i: number, tap: number) => w.data[(o * ownInputs + i) * taps + tap] as number;
	const count = tapsAsOutputs ? outputs * taps : outputs;
	const weight = (o: number, i: number, tap: number) =>
		tapsAsOutputs ? at(Math.floor(o / taps), i, o % taps) : at(o, i, tap);
	const packed: number[] = [];
	for (let b = 0; b < Math.ceil(count / width); b++)
		for (let tap = 0; tap < (tapsAsOutputs ? 1 : taps); tap++)
			for (let i = 0; i < inputs; i++)
				for (let j = 0; j < width; j++) {
					const o = b * width + j;
					packed.push(o < count && i < ownInputs ? weight(o, i, tap) : 0);
				}
	return array([Math.ceil(count / width), tapsAsOutputs ? 1 : taps, inputs, width], packed);
}
