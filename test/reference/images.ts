import { type Array64, sizeOf, zeros } from "./array.js";

/** Images [indices.length, C, H, W] picked from uint8 pixels [N, C, H, W], as pixel · scale + shift. */
export function gatherImages(
	pixels: Uint8Array,
	shape: readonly number[],
	indices: ArrayLike<number>,
	scale = 1 / 255,
	shift = -0.5,
): Array64 {
	const imageSize = sizeOf(shape.slice(1));
	const y = zeros([indices.length, ...shape.slice(1)]);
	for (let b = 0; b < indices.length; b++)
		for (let i = 0; i < imageSize; i++) {
			y.data[b * imageSize + i] = pixels[indices[b] * imageSize + i] * scale + shift;
		}
	return y;
}
