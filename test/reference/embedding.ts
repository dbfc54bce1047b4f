import { type Array64, zeros } from "./array.js";

/** weight[indices]: weight [K, D] → [...shape, D]; an index outside [0, K) gives zeros. */
export function embedding(indices: ArrayLike<number>, shape: readonly number[], weight: Array64): Array64 {
	const [count, depth] = weight.shape;
	const y = zeros([...shape, depth]);
	for (let n = 0; n < indices.length; n++) {
		if (indices[n] < 0 || indices[n] >= count) continue;
		for (let d = 0; d < depth; d++) y.data[n * depth + d] = weight.data[indices[n] * depth + d];
	}
	return y;
}

/** The gradient of the weight: each row of dy is added to the row that its index names. */
export function embeddingBackward(indices: ArrayLike<number>, weight: Array64, dy: Array64): Array64 {
	const [count, depth] = weight.shape;
	const gradient = zeros(weight.shape);
	for (let n = 0; n < indices.length; n++) {
		if (indices[n] < 0 || indices[n] >= count) continue;
		for (let d = 0; d < depth; d++) gradient.data[indices[n] * depth + d] += dy.data[n * depth + d];
	}
	return gradient;
}
