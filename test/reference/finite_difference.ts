import { type Array64, array, zeros } from "./array.js";

/** The gradient of a scalar function by central differences, (f(x + h) − f(x − h)) / 2h, one element at a time. */
export function finiteDifference(f: (x: Array64) => number, x: Array64, step = 1e-5): Array64 {
	const gradient = zeros(x.shape);
	for (let i = 0; i < x.data.length; i++) {
		const above = array(x.shape, x.data);
		const below = array(x.shape, x.data);
		above.data[i] += step;
		below.data[i] -= step;
		gradient.data[i] = (f(above) - f(below)) / (2 * step);
	}
	return gradient;
}
