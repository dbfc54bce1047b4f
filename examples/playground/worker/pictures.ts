import type { Tensor } from "tessera-gpu";
import type { Pictures } from "../shared/frames.js";

/** Values −0.5 … 0.5, [count, channels, height, width], as bytes of pictures. */
export function toPictures(values: Float32Array, shape: Tensor["shape"]): Pictures {
	const [count, channels, height, width] = shape as readonly [number, number, number, number];
	const pixels = new Uint8Array(values.length);
	const area = height * width;
	for (let image = 0; image < count; image++)
		for (let channel = 0; channel < channels; channel++)
			for (let at = 0; at < area; at++) {
				const value = values[(image * channels + channel) * area + at] as number;
				pixels[(image * area + at) * channels + channel] = Math.round(255 * Math.min(1, Math.max(0, value + 0.5)));
			}
	return { count, channels, height, width, pixels };
}

/** Pixels of pictures as values −0.5 … 0.5, [count, channels, height, width]. */
export function fromPictures({ count, channels, height, width, pixels }: Pictures): Float32Array {
	const values = new Float32Array(pixels.length);
	const area = height * width;
	for (let image = 0; image < count; image++)
		for (let channel = 0; channel < channels; channel++)
			for (let at = 0; at < area; at++)
				values[(image * channels + channel) * area + at] =
					(pixels[(image * area + at) * channels + channel] as number) / 255 - 0.5;
	return values;
}

/** The middle `side` × `side` pixels of each picture. */
export function middle({ count, channels, height, width, pixels }: Pictures, side: number): Pictures {
	const [top, left] = [Math.floor((height - side) / 2), Math.floor((width - side) / 2)];
	const cut = new Uint8Array(count * side * side * channels);
	for (let image = 0; image < count; image++)
		for (let row = 0; row < side; row++) {
			const from = ((image * height + top + row) * width + left) * channels;
			cut.set(pixels.subarray(from, from + side * channels), (image * side + row) * side * channels);
		}
	return { count, channels, height: side, width: side, pixels: cut };
}
