import { type Array64, array, indexOf, offsetOf, zeros } from "./array.js";

/** y[…, j, …] = x[…, indices[…, j, …], …]; 0 if an index is outside of the axis. */
export function gather(x: Array64, axis: number, indices: Array64): Array64 {
	const y = zeros(indices.shape);
	for (let i = 0; i < y.data.length; i++) {
		const index = indexOf(indices.shape, i).with(axis, indices.data[i]);
		if (indices.data[i] >= 0 && indices.data[i] < x.shape[axis]) y.data[i] = x.data[offsetOf(x.shape, index)];
	}
	return y;
}

/** x with y[…, indices[…, j, …], …] += source[…, j, …]; what has an index outside of the axis is left out. */
export function scatterAdd(x: Array64, axis: number, indices: Array64, source: Array64): Array64 {
	const y = array(x.shape, x.data);
	for (let i = 0; i < indices.data.length; i++) {
		if (!(indices.data[i] >= 0 && indices.data[i] < x.shape[axis])) continue;
		const index = indexOf(indices.shape, i);
		y.data[offsetOf(x.shape, index.with(axis, indices.data[i]))] += source.data[offsetOf(source.shape, index)];
	}
	return y;
}

/** Indices along an axis, for all positions of the other axes. */
export function indicesAlong(shape: readonly number[], axis: number, indices: readonly number[]): Array64 {
	const y = zeros(shape.with(axis, indices.length));
	for (let i = 0; i < y.data.length; i++) y.data[i] = indices[indexOf(y.shape, i)[axis]];
	return y;
}
