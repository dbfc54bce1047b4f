import { DivergenceError } from "../../base/errors.js";

/** The mean squared error of two images of bytes, on the 0 … 1 scale of a pixel. */
export function meanSquaredError(a: Uint8Array, b: Uint8Array): number {
	let sum = 0;
	for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
	return sum / a.length / 255 ** 2;
}

/** The peak signal-to-noise ratio in dB of an image with this mean squared error on the 0 … 1 scale; infinite for 0. */
export function psnrOf(mse: number): number {
	return -10 * Math.log10(mse);
}

/**
 * The mean squared error of a network's output, whose values are those of pixels 0 … 1 less a half, neither rounded nor clamped.
 *
 * @param bytes the image, 0 … 255
 * @throws DivergenceError if it is not finite
 */
export function errorOfOutput(bytes: Uint8Array, output: Float32Array): number {
	let sum = 0;
	for (let i = 0; i < bytes.length; i++) sum += (bytes[i] / 255 - 0.5 - output[i]) ** 2;
	const mse = sum / bytes.length;
	if (Number.isFinite(mse)) return mse;
	throw new DivergenceError(
		"The model gives values that are not finite: its training diverged, or its file is damaged.",
		undefined,
		mse,
	);
}
