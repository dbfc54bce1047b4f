/** The hash pcg3d of Jarzynski & Olano, "Hash functions for GPU rendering", 2020: its first word. */
export function pcg3d(key: readonly [number, number, number]): number {
	let [x, y, z] = key.map((word) => (Math.imul(word, 1664525) + 1013904223) | 0) as [number, number, number];
	const mix = () => {
		x = (x + Math.imul(y, z)) | 0;
		y = (y + Math.imul(z, x)) | 0;
		z = (z + Math.imul(x, y)) | 0;
	};
	mix();
	[x, y, z] = [x ^ (x >>> 16), y ^ (y >>> 16), z ^ (z >>> 16)];
	mix();
	return x >>> 0;
}
