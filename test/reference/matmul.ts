import { type Array64, zeros } from "./array.js";

/** Which of the two factors are taken transposed. */
export interface MatmulOptions {
	readonly transposeA?: boolean;
	readonly transposeB?: boolean;
}

/** The transpose of a matrix. */
export function transpose(a: Array64): Array64 {
	const [rows, columns] = a.shape;
	const y = zeros([columns, rows]);
	for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) y.data[j * rows + i] = a.data[i * columns + j];
	return y;
}

/** The product of two matrices, [M, K] · [K, N] → [M, N]. */
function product(a: Array64, b: Array64): Array64 {
	const [rows, inner] = a.shape;
	const columns = b.shape[1];
	const y = zeros([rows, columns]);
	for (let i = 0; i < rows; i++)
		for (let j = 0; j < columns; j++)
			for (let k = 0; k < inner; k++) y.data[i * columns + j] += a.data[i * inner + k] * b.data[k * columns + j];
	return y;
}

/** op(a) · op(b); op transposes if its option is set. */
export function matmul(a: Array64, b: Array64, options: MatmulOptions = {}): Array64 {
	return product(options.transposeA ? transpose(a) : a, options.transposeB ? transpose(b) : b);
}

/** The gradients of {@link matmul}: d op(a) = dy · op(b)ᵀ and d op(b) = op(a)ᵀ · dy. */
export function matmulBackward(
	a: Array64,
	b: Array64,
	dy: Array64,
	options: MatmulOptions = {},
): { a: Array64; b: Array64 } {
	const left = options.transposeA ? transpose(a) : a;
	const right = options.transposeB ? transpose(b) : b;
	const dLeft = product(dy, transpose(right));
	const dRight = product(transpose(left), dy);
	return { a: options.transposeA ? transpose(dLeft) : dLeft, b: options.transposeB ? transpose(dRight) : dRight };
}
