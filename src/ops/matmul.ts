import matmulKernel from "../../kernels/matmul.wgsl";
import { readsOfProduct, record } from "../autograd/tape.js";
import { checkFlag, checkOptions } from "../base/arguments.js";
import { ShapeError } from "../base/errors.js";
import { formatShape } from "../base/shape.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkRank, commonGpu } from "./check.js";

export interface MatmulOptions {
	/** Use aᵀ (default false). */
	readonly transposeA?: boolean;
	/** Use bᵀ (default false). */
	readonly transposeB?: boolean;
}

/** a·b with either transposed. */
function launchMatmul(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor {
	const [aRows, aColumns] = a.shape;
	const [bRows, bColumns] = b.shape;
	const [rows, inner] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
	const [bInner, columns] = transposeB ? [bColumns, bRows] : [bRows, bColumns];
	if (inner !== bInner) {
		const [ofA, ofB] = [transposeA ? " transposed" : "", transposeB ? " transposed" : ""];
		throw new ShapeError(
			`matmul: ${formatShape(a.shape)}${ofA} and ${formatShape(b.shape)}${ofB} do not match: ${inner} columns and ${bInner} rows.`,
		);
	}
	const c = a.gpu.empty([rows, columns]);
	a.gpu.launch(matmulKernel, {
		bindings: [a, b, c].map((tensor) => tensor.memory()),
		uniforms: {
			rows,
			inner,
			columns,
			aRow: transposeA ? 1 : inner,
			aInner: transposeA ? rows : 1,
			bInner: transposeB ? 1 : columns,
			bColumn: transposeB ? inner : 1,
		},
		workgroups: Math.ceil(rows / 8) * Math.ceil(columns / 256),
		flops: 2 * rows * inner * columns,
	});
	return c;
}

/**
 * The matrix product, as torch.matmul of two matrices.
 *
 * @param a float32 [m, k], or [k, m] with transposeA
 * @param b float32 [k, n], or [n, k] with transposeB
 * @returns float32 [m, n]
 * @throws ShapeError if the shapes do not match, DTypeError, DeviceMismatchError
 * @example
 * const y = relu(matmul(x, weight));
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
	const name = "matmul";
	checkTensor(name, "a", a, "float32");
	checkTensor(name, "b", b, "float32");
	commonGpu(name, a, b);
	checkRank(name, "a", a.shape, 2, "a matrix [rows, columns]");
	checkRank(name, "b", b.shape, 2, "a matrix [rows, columns]");
	checkOptions(name, options, ["transposeA", "transposeB"]);
	const { transposeA = false, transposeB = false } = options;
	checkFlag(name, "transposeA", transposeA);
	checkFlag(name, "transposeB", transposeB);
	return record("matmul", launchMatmul(a, b, transposeA, transposeB), [a, b], readsOfProduct(a, b), (gradient) => [
		!a.requiresGrad
			? null
			: transposeA
				? launchMatmul(b, gradient, transposeB, true)
				: launchMatmul(gradient, b, false, !transposeB),
		!b.requiresGrad
			? null
			: transposeB
				? launchMatmul(gradient, a, true, transposeA)
				: launchMatmul(a, gradient, !transposeA, false),
	]);
}
