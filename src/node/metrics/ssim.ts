/** The window of Wang et al.: a Gaussian of σ = 1.5, cut off at 11 × 11, whose weights sum to 1. */
const sigma = 1.5;
const reach = 5;
const taps = 2 * reach + 1;
const weights = gaussian();
/** The constants against division by small numbers, for values 0 … 255: (0.01 · 255)² and (0.03 · 255)². */
const c1 = (0.01 * 255) ** 2;
const c2 = (0.03 * 255) ** 2;

function gaussian(): Float64Array {
	const values = Float64Array.from({ length: taps }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * sigma ** 2)));
	const sum = values.reduce((a, b) => a + b, 0);
	return values.map((value) => value / sum);
}

/**
 * Structural similarity (Wang, Bovik, Sheikh & Simoncelli, "Image quality assessment: from error visibility to structural
 * similarity", 2004) of two images of bytes: the mean over all windows that lie within the image, and over the channels. As
 * scikit-image's `structural_similarity` with `gaussian_weights=True, use_sample_covariance=False, data_range=255`.
 *
 * @param a uint8 [channels, height, width]
 * @param b uint8, of the same shape
 * @returns −1 … 1, 1 for equal images; undefined if a side is shorter than the window's 11 pixels
 */
export function ssim(
	a: Uint8Array,
	b: Uint8Array,
	{ channels, height, width }: { readonly channels: number; readonly height: number; readonly width: number },
): number | undefined {
	if (Math.min(height, width) < taps) return undefined;
	const plane = height * width;
	let sum = 0;
	for (let channel = 0; channel < channels; channel++) {
		const at = channel * plane;
		sum += ssimOfPlane(a.subarray(at, at + plane), b.subarray(at, at + plane), height, width);
	}
	return sum / channels;
}

/** Rows of weighted sums that a plane needs; they are kept from call to call. */
let sums = new Float64Array();

/**
 * The window is the product of a row and a column of weights. So the weighted sums of a, b, a² + b² and ab are computed along
 * the rows first, and then along the columns.
 */
function ssimOfPlane(a: Uint8Array, b: Uint8Array, height: number, width: number): number {
	const columns = width - 2 * reach;
	const rows = height - 2 * reach;
	const size = height * columns;
	if (sums.length < 4 * size) sums = new Float64Array(4 * size);
	for (let y = 0; y < height; y++)
		for (let x = 0; x < columns; x++) {
			let [sumA, sumB, sumSquares, sumProducts] = [0, 0, 0, 0];
			for (let tap = 0; tap < taps; tap++) {
				const at = y * width + x + tap;
				const weight = weights[tap];
				const [valueA, valueB] = [a[at], b[at]];
				sumA += weight * valueA;
				sumB += weight * valueB;
				sumSquares += weight * (valueA * valueA + valueB * valueB);
				sumProducts += weight * valueA * valueB;
			}
			const to = 4 * (y * columns + x);
			sums[to] = sumA;
			sums[to + 1] = sumB;
			sums[to + 2] = sumSquares;
			sums[to + 3] = sumProducts;
		}
	let total = 0;
	for (let y = 0; y < rows; y++)
		for (let x = 0; x < columns; x++) {
			let [meanA, meanB, squares, products] = [0, 0, 0, 0];
			for (let tap = 0; tap < taps; tap++) {
				const from = 4 * ((y + tap) * columns + x);
				const weight = weights[tap];
				meanA += weight * sums[from];
				meanB += weight * sums[from + 1];
				squares += weight * sums[from + 2];
				products += weight * sums[from + 3];
			}
			const [meanProduct, meanSquares] = [meanA * meanB, meanA * meanA + meanB * meanB];
			total +=
				((2 * meanProduct + c1) * (2 * (products - meanProduct) + c2)) /
				((meanSquares + c1) * (squares - meanSquares + c2));
		}
	return total / (rows * columns);
}
