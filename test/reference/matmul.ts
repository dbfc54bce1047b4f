import { type Array64, array, indexOf, sizeOf, zeros } from "./array.js";

/** Which of the two factors are taken transposed. */
export interface MatmulOptions {
	readonly transposeA?: boolean;
	readonly transposeB?: boolean;
}

/** The matrix at an offset of x: element (i, j) is at i · steps[0] + j · steps[1]. */
interface Steps {
	readonly row: number;
	readonly column: number;
}

/** A batch of matrices [..., rows, columns], each op(x) of those of x. */
interface Matrices {
	readonly batch: readonly number[];
	readonly rows: number;
	readonly columns: number;
	readonly steps: Steps;
}

function matricesOf(shape: readonly number[], transposed: boolean): Matrices {
	const [rows, columns] = shape.slice(-2);
	const batch = shape.slice(0, -2);
	return transposed
		? { batch, rows: columns, columns: rows, steps: { row: 1, column: columns } }
		: { batch, rows, columns, steps: { row: columns, column: 1 } };
}

/** Where the matrix of one index of the broadcast batch begins. */
function startOf({ batch, rows, columns }: Matrices, index: readonly number[]): number {
	const own = index.slice(index.length - batch.length);
	return batch.reduce((at, length, axis) => at * length + (length === 1 ? 0 : own[axis]), 0) * rows * columns;
}

/** Calls f with the positions of a[i, k], b[k, j] and c[i, j] for each multiplication. */
function forEachProduct(
	a: Array64,
	b: Array64,
	{ transposeA = false, transposeB = false }: MatmulOptions,
	f: (atA: number, atB: number, atC: number) => void,
): number[] {
	const of = matricesOf(a.shape.length === 1 ? [1, ...a.shape] : a.shape, transposeA);
	const by = matricesOf(b.shape.length === 1 ? [...b.shape, 1] : b.shape, transposeB);
	const rank = Math.max(of.batch.length, by.batch.length);
	const padded = [of, by].map(({ batch }) => [...Array<number>(rank - batch.length).fill(1), ...batch]);
	const batch = Array.from({ length: rank }, (_, axis) => Math.max(padded[0][axis], padded[1][axis]));
	for (let p = 0; p < sizeOf(batch); p++) {
		const index = indexOf(batch, p);
		const [startA, startB] = [startOf(of, index), startOf(by, index)];
		for (let i = 0; i < of.rows; i++)
			for (let j = 0; j < by.columns; j++)
				for (let k = 0; k < of.columns; k++)
					f(
						startA + i * of.steps.row + k * of.steps.column,
						startB + k * by.steps.row + j * by.steps.column,
						(p * of.rows + i) * by.columns + j,
					);
	}
	return [...batch, ...(a.shape.length === 1 ? [] : [of.rows]), ...(b.shape.length === 1 ? [] : [by.columns])];
}

/** op(a) · op(b) as torch.matmul; op transposes if its option is set. */
export function matmul(a: Array64, b: Array64, options: MatmulOptions = {}): Array64 {
	const sums: number[] = [];
	const shape = forEachProduct(a, b, options, (atA, atB, atC) => {
		sums[atC] = (sums[atC] ?? 0) + a.data[atA] * b.data[atB];
	});
	return array(shape, sums);
}

/** The gradients of {@link matmul}. */
export function matmulBackward(
	a: Array64,
	b: Array64,
	dy: Array64,
	options: MatmulOptions = {},
): { a: Array64; b: Array64 } {
	const [da, db] = [zeros(a.shape), zeros(b.shape)];
	forEachProduct(a, b, options, (atA, atB, atC) => {
		da.data[atA] += dy.data[atC] * b.data[atB];
		db.data[atB] += a.data[atA] * dy.data[atC];
	});
	return { a: da, b: db };
}

/** x · weightᵀ + bias */
export function linear(x: Array64, weight: Array64, bias?: Array64): Array64 {
	const y = matmul(x.shape.length === 1 ? array([1, ...x.shape], x.data) : x, weight, { transposeB: true });
	const outputs = weight.shape[0];
	const data = y.data.map((value, i) => value + (bias?.data[i % outputs] ?? 0));
	return array([...x.shape.slice(0, -1), outputs], data);
}

/** The gradients of {@link linear}. */
export function linearBackward(
	x: Array64,
	weight: Array64,
	dy: Array64,
): { x: Array64; weight: Array64; bias: Array64 } {
	const [rows, gradient] = [x, dy].map(({ shape, data }) =>
		array([data.length / shape[shape.length - 1], shape[shape.length - 1]], data),
	);
	const { a, b } = matmulBackward(rows, weight, gradient, { transposeB: true });
	const bias = zeros([weight.shape[0]]);
	dy.data.forEach((value, i) => {
		bias.data[i % bias.data.length] += value;
	});
	return { x: array(x.shape, a.data), weight: b, bias };
}
