/** Values over the steps of a training. */
export interface Series {
	readonly x: readonly number[];
	/** null leaves a gap. */
	readonly y: readonly (number | null)[];
}

/**
 * At most about `most` points of a series: the lowest and the highest of each of equally many points, in their order. A gap
 * stays if all of these points are missing.
 */
export function downsample({ x, y }: Series, most: number): Series {
	if (x.length <= most) return { x, y };
	const parts = Math.floor(most / 2);
	const kept: number[] = [];
	for (let part = 0; part < parts; part++) {
		const first = Math.floor((part * x.length) / parts);
		const end = Math.floor(((part + 1) * x.length) / parts);
		let low = first;
		let high = first;
		for (let i = first; i < end; i++) {
			if (isBeyond(y, i, low, -1)) low = i;
			if (isBeyond(y, i, high, 1)) high = i;
		}
		kept.push(Math.min(low, high), ...(low === high ? [] : [Math.max(low, high)]));
	}
	return { x: kept.map((i) => x[i] as number), y: kept.map((i) => y[i] as number | null) };
}

function isBeyond(y: Series["y"], i: number, than: number, sign: 1 | -1): boolean {
	const [value, other] = [y[i], y[than]];
	return typeof value === "number" && (typeof other !== "number" || sign * value > sign * other);
}

/** Whether all values are above 0, and span more than a factor of 20. */
export function spansDecades(values: Iterable<number | null>): boolean {
	let least = Number.POSITIVE_INFINITY;
	let most = Number.NEGATIVE_INFINITY;
	for (const value of values) {
		if (value === null) continue;
		least = Math.min(least, value);
		most = Math.max(most, value);
	}
	return least > 0 && most > 20 * least;
}
