/** Weights of the 11 × 11 window, which sum to 1. */
function windowWeights(): number[][] {
	const weight = (y: number, x: number) => Math.exp(-((y - 5) ** 2 + (x - 5) ** 2) / (2 * 1.5 ** 2));
	const rows = Array.from({ length: 11 }, (_, y) => Array.from({ length: 11 }, (_, x) => weight(y, x)));
	const sum = rows.flat().reduce((a, b) => a + b, 0);
	return rows.map((row) => row.map((value) => value / sum));
}

/**
 * Structural similarity of two planes [height, width] of values 0 … 255, as its definition says: mean over the windows within the
 * image of (2 μₐ μᵦ + C₁)(2 σₐᵦ + C₂) / ((μₐ² + μᵦ² + C₁)(σₐ² + σᵦ² + C₂)), with variances about the mean of the window.
 */
export function ssim(a: readonly number[], b: readonly number[], height: number, width: number): number {
	const weights = windowWeights();
	const [c1, c2] = [(0.01 * 255) ** 2, (0.03 * 255) ** 2];
	const values: number[] = [];
	for (let top = 0; top + 11 <= height; top++)
		for (let left = 0; left + 11 <= width; left++) {
			const mean = (of: (i: number) => number) => {
				let sum = 0;
				for (let y = 0; y < 11; y++)
					for (let x = 0; x < 11; x++) sum += (weights[y]?.[x] as number) * of((top + y) * width + left + x);
				return sum;
			};
			const value = (image: readonly number[], i: number) => image[i] as number;
			const meanA = mean((i) => value(a, i));
			const meanB = mean((i) => value(b, i));
			const varianceA = mean((i) => (value(a, i) - meanA) ** 2);
			const varianceB = mean((i) => (value(b, i) - meanB) ** 2);
			const covariance = mean((i) => (value(a, i) - meanA) * (value(b, i) - meanB));
			values.push(
				((2 * meanA * meanB + c1) * (2 * covariance + c2)) /
					((meanA ** 2 + meanB ** 2 + c1) * (varianceA + varianceB + c2)),
			);
		}
	return values.reduce((sum, value) => sum + value, 0) / values.length;
}
