import { type Array64, map } from "./array.js";
import { pcg3d } from "./pcg3d.js";

/** What decides which elements are dropped. */
export interface Dropping {
	readonly p: number;
	readonly seed: number;
	readonly step: number;
	/** The number of the first element. */
	readonly first: number;
}

/** x / (1 − p) for each element that is kept, else 0; of dy it is the gradient of x. */
export function dropout(x: Array64, { p, seed, step, first }: Dropping): Array64 {
	return map(x, (value, i) => ((pcg3d([seed, step, first + i]) >>> 8) / 2 ** 24 >= p ? value / (1 - p) : 0));
}
