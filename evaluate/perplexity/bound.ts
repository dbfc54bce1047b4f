import type { ImageSet } from "tessera-gpu";

/** A latent depends on 7 × 7 pixels, of which the first three rows and columns may be outside the image. */
const seen = 7;
const stride = 4;
const before = 3;

/** How often each patch occurs that a latent depends on. Pixels outside the image have a value of their own. */
export function patchCounts({ pixels, count, channels, height, width }: ImageSet): number[] {
	const counts = new Map<string, number>();
	const outside = 256;
	for (let n = 0; n < count; n++)
		for (let top = -before; top + seen <= height; top += stride)
			for (let left = -before; left + seen <= width; left += stride) {
				const patch: number[] = [];
				for (let channel = 0; channel < channels; channel++)
					for (let y = top; y < top + seen; y++)
						for (let x = left; x < left + seen; x++)
							patch.push(x < 0 || y < 0 ? outside : pixels[((n * channels + channel) * height + y) * width + x]);
				const key = String.fromCharCode(...patch);
				counts.set(key, (counts.get(key) ?? 0) + 1);
			}
	return [...counts.values()].sort((a, b) => b - a);
}

/**
 * exp of the highest entropy of K codes if each patch has one code: the most frequent patches get a code each as long as they
 * exceed an even share of the rest, which the other codes share evenly.
 */
export function perplexityBound(counts: readonly number[], codes: number): number {
	const total = counts.reduce((sum, count) => sum + count, 0);
	let rest = total;
	let entropy = 0;
	let own = 0;
	for (const count of counts) {
		if (own === codes - 1 || count <= rest / (codes - own)) break;
		entropy -= (count / total) * Math.log(count / total);
		rest -= count;
		own++;
	}
	if (rest > 0) entropy -= (rest / total) * Math.log(rest / total / (codes - own));
	return Math.exp(entropy);
}
