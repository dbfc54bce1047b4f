import { type Array64, sizeOf, zeros } from "./array.js";

/** The options of {@link attention}; a mask is broadcast to [..., L, S] and added. */
export interface AttentionOptions {
	readonly causal?: boolean;
	readonly mask?: Array64;
	readonly scale?: number;
}

/** The position of the mask's element for one of [..., L, S], whose index is given. */
function maskPosition({ shape }: Array64, index: readonly number[]): number {
	const own = index.slice(index.length - shape.length);
	return shape.reduce((at, length, axis) => at * length + (length === 1 ? 0 : own[axis]), 0);
}

interface Row {
	/** The leading axes as one. */
	readonly batch: number;
	readonly query: number;
	readonly weights: number[];
	readonly scale: number;
}

/** Calls f with the softmax of each query's scores; weights that are all 0 if it attends to nothing. */
function forEachRow(q: Array64, k: Array64, options: AttentionOptions, f: (row: Row) => void): void {
	const [queries, length] = q.shape.slice(-2);
	const keys = k.shape[k.shape.length - 2];
	const lead = q.shape.slice(0, -2);
	const { causal = false, mask, scale = 1 / Math.sqrt(length) } = options;
	for (let batch = 0; batch < sizeOf(lead); batch++) {
		const index: number[] = [];
		for (let axis = lead.length - 1, rest = batch; axis >= 0; rest = Math.floor(rest / lead[axis]), axis--)
			index[axis] = rest % lead[axis];
		for (let query = 0; query < queries; query++) {
			const scores = Array.from({ length: keys }, (_, key) => {
				if (causal && key > query) return Number.NEGATIVE_INFINITY;
				let product = 0;
				for (let e = 0; e < length; e++)
					product += q.data[(batch * queries + query) * length + e] * k.data[(batch * keys + key) * length + e];
				return scale * product + (mask?.data[maskPosition(mask, [...index, query, key])] ?? 0);
			});
			const largest = Math.max(...scores);
			const values = scores.map((score) => (score === Number.NEGATIVE_INFINITY ? 0 : Math.exp(score - largest)));
			const total = values.reduce((sum, value) => sum + value, 0);
			f({ batch, query, weights: values.map((value) => (total === 0 ? 0 : value / total)), scale });
		}
	}
}

/** softmax(scale · q · kᵀ + mask) · v; 0 for a query that attends to nothing. */
export function attention(q: Array64, k: Array64, v: Array64, options: AttentionOptions = {}): Array64 {
	const [keys, columns] = v.shape.slice(-2);
	const queries = q.shape[q.shape.length - 2];
	const out = zeros([...q.shape.slice(0, -1), columns]);
	forEachRow(q, k, options, ({ batch, query, weights }) => {
		for (const [key, weight] of weights.entries())
			for (let c = 0; c < columns; c++)
				out.data[(batch * queries + query) * columns + c] += weight * v.data[(batch * keys + key) * columns + c];
	});
	return out;
}

/**
 * The gradients of {@link attention}: dv = pᵀ · dy, dp = dy · vᵀ, ds = p · (dp − Σ p · dp), dq = scale · ds · k,
 * dk = scale · dsᵀ · q.
 */
export function attentionBackward(
	q: Array64,
	k: Array64,
	v: Array64,
	dy: Array64,
	options: AttentionOptions = {},
): { q: Array64; k: Array64; v: Array64 } {
	const [queries, length] = q.shape.slice(-2);
	const [keys, columns] = v.shape.slice(-2);
	const [dq, dk, dv] = [zeros(q.shape), zeros(k.shape), zeros(v.shape)];
	forEachRow(q, k, options, ({ batch, query, weights, scale }) => {
		const atQuery = batch * queries + query;
		const dp = weights.map((weight, key) => {
			let sum = 0;
			for (let c = 0; c < columns; c++) {
				const at = (batch * keys + key) * columns + c;
				sum += dy.data[atQuery * columns + c] * v.data[at];
				dv.data[at] += weight * dy.data[atQuery * columns + c];
			}
			return sum;
		});
		const total = weights.reduce((sum, weight, key) => sum + weight * dp[key], 0);
		for (const [key, weight] of weights.entries())
			for (let e = 0; e < length; e++) {
				const ds = scale * weight * (dp[key] - total);
				dq.data[atQuery * length + e] += ds * k.data[(batch * keys + key) * length + e];
				dk.data[(batch * keys + key) * length + e] += ds * q.data[atQuery * length + e];
			}
	});
	return { q: dq, k: dk, v: dv };
}
