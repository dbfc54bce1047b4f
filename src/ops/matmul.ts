import { readsOfProduct, record } from "../autograd/tape.js";
import { checkFlag, checkOptions } from "../base/arguments.js";
import { ShapeError } from "../base/errors.js";
import { formatShape, type Shape, sizeOf } from "../base/shape.js";
import { checkAnyTensor } from "../tensor/check_tensor.js";
import type { Tensor } from "../tensor/tensor.js";
import { broadcastShape } from "./broadcast.js";
import { commonGpu } from "./check.js";
import { expanded } from "./copy.js";
import { type Factor, launchProducts, productGradients } from "./products.js";
import { sumToShape } from "./sum.js";

export interface MatmulOptions {
	/** Use the transpose of each matrix of a (default false). */
	readonly transposeA?: boolean;
	/** Use the transpose of each matrix of b (default false). */
	readonly transposeB?: boolean;
}

const name = "matmul";

/** The shapes of a product: of both factors as batches of matrices, of the batch, and of the result. */
interface MatmulShapes {
	readonly a: Shape;
	readonly b: Shape;
	readonly batch: Shape;
	readonly out: Shape;
}

/** @throws ShapeError if the shapes do not match */
function shapesOf(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): MatmulShapes {
	for (const [factor, { shape }, transposed] of [
		["a", a, transposeA],
		["b", b, transposeB],
	] as const)
		if (shape.length < (transposed ? 2 : 1))
			throw new ShapeError(
				`matmul: ${factor} must be ${transposed ? "matrices" : "a vector or matrices"} [..., rows, columns], but has shape ${formatShape(shape)}.`,
			);
	// A vector is a matrix of one row or column, which the result does not have.
	const shapeA = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
	const shapeB = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
	const [rows, inner] = transposeA ? shapeA.slice(-2).reverse() : shapeA.slice(-2);
	const [bInner, columns] = transposeB ? shapeB.slice(-2).reverse() : shapeB.slice(-2);
	if (inner !== bInner) {
		const [ofA, ofB] = [transposeA ? " transposed" : "", transposeB ? " transposed" : ""];
		throw new ShapeError(
			`matmul: ${formatShape(a.shape)}${ofA} and ${formatShape(b.shape)}${ofB} do not match: ${inner} columns and ${bInner} rows.`,
		);
	}
	const batch = broadcastShape(
		`matmul: the first axes of ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
		shapeA.slice(0, -2),
		shapeB.slice(0, -2),
	);
	const out = [...batch, ...(a.shape.length === 1 ? [] : [rows]), ...(b.shape.length === 1 ? [] : [columns])];
	return { a: shapeA, b: shapeB, batch, out };
}

/** The kernels take one matrix for all products, or one for each: another broadcast is a copy. */
function factorsOf(
	a: Tensor,
	b: Tensor,
	shapes: MatmulShapes,
	transposeA: boolean,
	transposeB: boolean,
): readonly [Factor, Factor] {
	const products = sizeOf(shapes.batch);
	const factor = (x: Tensor, shape: Shape, transposed: boolean): Factor => {
		const [rows, columns] = shape.slice(-2);
		const own = x.size / (rows * columns);
		const count = own === 1 ? 1 : products;
		const copied = own !== count;
		return {
			x: copied ? expanded(name, x, [...shapes.batch, rows, columns]) : x,
			count,
			rows,
			columns,
			transposed,
		};
	};
	const [of, by] = [factor(a, shapes.a, transposeA), factor(b, shapes.b, transposeB)];
	// The matrices of a are the rows of one if they are multiplied by the same matrix.
	return [by.count === 1 && !transposeA ? { ...of, count: 1, rows: of.count * of.rows } : of, by];
}

/**
 * The matrix product, as torch.matmul. The axes before the last two are broadcast, as in elementwise
 * operations. A vector is a row as a, a column as b, and the result does not have its axis.
 *
 * @param a float32 [..., m, k], with transposeA [..., k, m]; or [k]
 * @param b float32 [..., k, n], with transposeB [..., n, k]; or [k]
 * @returns float32 [..., m, n]
 * @throws ShapeError if the shapes do not match, DTypeError, DeviceMismatchError
 * @example
 * const scores = matmul(queries, keys, { transposeB: true }); // [N, L, E] · [N, S, E]ᵀ = [N, L, S]
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
	checkAnyTensor(name, "a", a, "float32");
	checkAnyTensor(name, "b", b, "float32");
	const gpu = commonGpu(name, a, b);
	checkOptions(name, options, ["transposeA", "transposeB"]);
	const { transposeA = false, transposeB = false } = options;
	checkFlag(name, "transposeA", transposeA);
	checkFlag(name, "transposeB", transposeB);
	const shapes = shapesOf(a, b, transposeA, transposeB);
	if (a.size === 0 || b.size === 0)
		return record(name, gpu.zeros(shapes.out), [a, b], [], () => [gpu.zeros(a.shape), gpu.zeros(b.shape)]);
	const factors = () => factorsOf(a, b, shapes, transposeA, transposeB);
	const out = gpu.scope(() => launchProducts(...factors(), shapes.out));
	return record(name, out, [a, b], readsOfProduct(a, b), (gradient) =>
		gpu.scope(() => {
			const [of, by] = factors();
			const gradients = productGradients(of, by, gradient);
			const products = Math.max(of.count, by.count);
			const gradientOf = (x: Tensor, { rows, columns }: Factor, key: "a" | "b") => {
				if (!x.requiresGrad) return null;
				const shape = shapes[key];
				const isWhole = products * rows * columns === x.size;
				const product = gradients[key](isWhole ? shape : [...shapes.batch, rows, columns]);
				return sumToShape(product, shape).share(x.shape);
			};
			return [gradientOf(a, of, "a"), gradientOf(b, by, "b")];
		}),
	);
}
