/** The sum of squared differences; reconstructions are clamped to −0.5 … 0.5, as pictures are. */
export function squaredError(images: Float32Array, reconstruction: Float32Array): number {
	let sum = 0;
	for (const [at, value] of images.entries())
		sum += (value - Math.min(0.5, Math.max(-0.5, reconstruction[at] as number))) ** 2;
	return sum;
}

/** @param mse the mean squared error of all pixels; psnr: −10 log10(mse) in dB, for a peak of 1 */
export function errorMetrics(mse: number, variance: number): { readonly nmse: number; readonly psnr: number } {
	return { nmse: mse / variance, psnr: -10 * Math.log10(Math.max(mse, 1e-10)) };
}
