import { dotOf, unit } from "./vectors.js";

/** g turned back by the rotation that takes z to q, and stretched: (‖q‖/‖z‖) Rᵀ g with R = I − 2wwᵀ + 2q̂ẑᵀ, as a matrix. */
export function rotatedBack(z: readonly number[], q: readonly number[], g: readonly number[]): number[] {
	const [zHat, qHat] = [unit(z), unit(q)];
	const w = unit(zHat.map((value, i) => value + qHat[i]));
	const factor = Math.sqrt(dotOf(q, q) / dotOf(z, z));
	const rotation = (i: number, j: number) => (i === j ? 1 : 0) - 2 * w[i] * w[j] + 2 * qHat[i] * zHat[j];
	return z.map((_, j) => factor * g.reduce((sum, value, i) => sum + value * rotation(i, j), 0));
}

/** The rotation itself, applied to z: should be q. */
export function rotated(z: readonly number[], q: readonly number[]): number[] {
	const [zHat, qHat] = [unit(z), unit(q)];
	const w = unit(zHat.map((value, i) => value + qHat[i]));
	const factor = Math.sqrt(dotOf(q, q) / dotOf(z, z));
	const [wz, zz] = [dotOf(w, z), dotOf(zHat, z)];
	return z.map((value, i) => factor * (value - 2 * w[i] * wz + 2 * qHat[i] * zz));
}

/** An element before it is rounded, and its derivative by z: (1 − ε) and tan, as in the code of Mentzer et al. 2023. */
export function boundedScalar(z: number, levels: number): { bounded: number; slope: number } {
	const half = ((levels - 1) * (1 - 1e-3)) / 2;
	const offset = levels % 2 === 1 ? 0 : 0.5;
	const t = Math.tanh(z + Math.tan(offset / half));
	return { bounded: t * half - offset, slope: half * (1 - t * t) };
}

/** A vector's rounded elements, in [−1, 1], and its index, the first dimension varying fastest. */
export function finiteScalar(
	z: readonly number[],
	levels: readonly number[],
): { readonly quantized: number[]; readonly index: number } {
	const halves = levels.map((level) => Math.floor(level / 2));
	const rounded = z.map((value, d) => Math.round(boundedScalar(value, levels[d]).bounded));
	let index = 0;
	let basis = 1;
	for (const [d, value] of rounded.entries()) {
		index += (value + halves[d]) * basis;
		basis *= levels[d];
	}
	return { quantized: rounded.map((value, d) => value / halves[d]), index };
}

/** The gradient of z, given that of `finiteScalar`'s quantized: rounding is taken as the identity. */
export function finiteScalarBackward(z: readonly number[], levels: readonly number[], g: readonly number[]): number[] {
	return g.map((value, d) => (value * boundedScalar(z[d], levels[d]).slope) / Math.floor(levels[d] / 2));
}

/** The vector to which `finiteScalar` gives an index; zeros for an index out of range. */
export function finiteScalarLookup(index: number, levels: readonly number[]): number[] {
	const count = levels.reduce((product, level) => product * level, 1);
	let rest = index;
	return levels.map((level) => {
		if (index >= count) return 0;
		const value = (rest % level) - Math.floor(level / 2);
		rest = Math.floor(rest / level);
		return value / Math.floor(level / 2);
	});
}

/** A codebook by exponential moving averages in float64, one step at a time. */
export class AveragedCodebook {
	static readonly name: string = "AveragedCodebook";

	readonly sizes: number[];
	readonly sums: number[][];
	codes: number[][];

	constructor(codes: readonly (readonly number[])[]) {
		this.codes = codes.map((code) => [...code]);
		this.sizes = codes.map(() => 1);
		this.sums = codes.map((code) => [...code]);
	}

	step(latents: readonly (readonly number[])[], indices: ArrayLike<number>, decay: number, epsilon: number): void {
		const { sizes, sums } = this;
		for (const [k, sum] of sums.entries()) {
			const own = latents.filter((_, n) => indices[n] === k);
			sizes[k] = decay * sizes[k] + (1 - decay) * own.length;
			for (const d of sum.keys())
				sum[d] = decay * sum[d] + (1 - decay) * own.reduce((total, latent) => total + latent[d], 0);
		}
		const total = sizes.reduce((sum, size) => sum + size, 0);
		const smoothed = sizes.map((size) => ((size + epsilon) / (total + sizes.length * epsilon)) * total);
		this.codes = sums.map((sum, k) => sum.map((value) => value / smoothed[k]));
	}
}
