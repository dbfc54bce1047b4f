/** The elements of a row-major array with its axes in another order, as numpy's transpose. */
export function permuted(
	data: Float32Array,
	shape: readonly number[],
	axes: readonly number[],
): Float32Array<ArrayBuffer> {
	const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
	const result = new Float32Array(data.length);
	let at = 0;
	const walk = (depth: number, offset: number): void => {
		const axis = axes[depth];
		if (axis === undefined) {
			result[at++] = data[offset] as number;
			return;
		}
		for (let i = 0; i < (shape[axis] as number); i++) walk(depth + 1, offset + i * (strides[axis] as number));
	};
	walk(0, 0);
	return result;
}

/** The largest difference of two arrays over the largest magnitude in the second; NaN counts as infinite. */
export function relativeDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
	let [difference, magnitude] = [0, 0];
	for (let i = 0; i < b.length; i++) {
		const apart = Math.abs((a[i] as number) - (b[i] as number));
		difference = Math.max(difference, Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart);
		magnitude = Math.max(magnitude, Math.abs(b[i] as number));
	}
	return a.length === b.length ? difference / magnitude : Number.POSITIVE_INFINITY;
}
