import { type Array64, indexOf, offsetOf, zeros } from "./array.js";

/** x with its axes in another order: axis i of the result is axis order[i] of x. */
export function permute(x: Array64, order: readonly number[]): Array64 {
	const y = zeros(order.map((axis) => x.shape[axis]));
	for (let i = 0; i < x.data.length; i++) {
		const index = indexOf(x.shape, i);
		const position = offsetOf(
			y.shape,
			order.map((axis) => index[axis]),
		);
		y.data[position] = x.data[i];
	}
	return y;
}

/** The gradient of {@link permute}: dy with its axes put back. */
export function permuteBackward(dy: Array64, order: readonly number[]): Array64 {
	return permute(
		dy,
		order.map((_, axis) => order.indexOf(axis)),
	);
}
