import { readsOfProduct, record } from "../autograd/tape.js";
import { checkFlag, checkOptions } from "../base/arguments.js";
import { ShapeError } from "../base/errors.js";
import { formatShape } from "../base/shape.js";
import type { BlockedProduct } from "../gpu/blocked_products.js";
import type { Tile } from "../gpu/tiles.js";
import { checkTensor } from "../tensor/check_tensor.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkRank, commonGpu } from "./check.js";
import { asVectors, tileChoices, tilesOf, vectorLoads } from "./tiles.js";
import { withoutBlocked } from "./variants.js";

export interface MatmulOptions {
	/** Use aᵀ (default false). */
	readonly transposeA?: boolean;
	/** Use bᵀ (default false). */
	readonly transposeB?: boolean;
}

/** The uniform of kernels/matmul.wgsl and its tiled variant. */
interface Product {
	readonly rows: number;
	readonly inner: number;
	readonly columns: number;
	/** Strides of a's rows and b's columns, and of both along the inner dimension. */
	readonly aRow: number;
	readonly aInner: number;
	readonly bInner: number;
	readonly bColumn: number;
}

/** kernels/matmul.wgsl */
function launchPortable(a: Tensor, b: Tensor, c: Tensor, product: Product): void {
	const { rows, inner, columns } = product;
	a.gpu.launch(a.gpu.portableKernels.matmul, {
		bindings: [a, b, c].map((tensor) => tensor.memory()),
		uniforms: { ...product },
		workgroups: Math.ceil(rows / 8) * Math.ceil(columns / 256),
		flops: 2 * rows * inner * columns,
	});
}

/** The launches of the blocked kernels; undefined if another variant is better, or the device has none. */
function blockedPlan({ gpu }: Tensor, product: Product): BlockedProduct | undefined {
	if (!gpu.variants.includes("blocked")) return undefined;
	const { rows, inner, columns, aRow, aInner, bInner, bColumn } = product;
	return gpu.blockedKernels.planProduct(
		{ length: rows, inner, outerStride: aRow, innerStride: aInner },
		{ length: columns, inner, outerStride: bColumn, innerStride: bInner },
		gpu.subgroupSize,
		gpu.bindableBytes,
	);
}

/**
 * kernels/matmul.blocked.wgsl, after kernels/pack_factor.blocked.wgsl for a factor that it cannot read as
 * it lies.
 */
function launchBlocked(a: Tensor, b: Tensor, c: Tensor, { rows, inner, columns }: Product, plan: BlockedProduct): void {
	const { gpu } = a;
	const { packFactor, matmul } = gpu.blockedKernels;
	const packed = (x: Tensor, { packing }: BlockedProduct["a"]) => {
		if (packing === undefined) return x;
		const { size, uniforms, workgroups } = packing;
		const copy = gpu.empty([size]);
		gpu.launch(packFactor, { bindings: [x.memory(), copy.memory()], uniforms, workgroups });
		return copy;
	};
	gpu.launch(matmul, {
		constants: plan.constants,
		bindings: [packed(a, plan.a), packed(b, plan.b), c].map((tensor) => tensor.memory()),
		uniforms: plan.uniforms,
		workgroups: plan.workgroups,
		flops: 2 * rows * inner * columns,
	});
}

/** kernels/matmul.tiled.wgsl @internal */
export function launchMatmulTiled(a: Tensor, b: Tensor, c: Tensor, product: Product, tile: Tile): void {
	const { rows, inner, columns, aRow, aInner, bInner, bColumn } = product;
	a.gpu.launch(a.gpu.tiledKernels.matmul, {
		constants: {
			...tile.constants,
			A_LOADS: vectorLoads(aInner, aRow, inner, rows),
			B_LOADS: vectorLoads(bInner, bColumn, inner, columns),
		},
		bindings: [a, asVectors(a), b, asVectors(b), c].map((tensor) => tensor.memory()),
		uniforms: { ...product, part: tile.part },
		workgroups: a.gpu.tiledKernels.tileCount(tile, product),
		flops: 2 * rows * inner * columns,
	});
}

/**
 * The product of a and b, either of them transposed.
 *
 * @throws ShapeError if the shapes do not match
 * @internal
 */
export function productOf(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Product {
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
	return {
		rows,
		inner,
		columns,
		aRow: transposeA ? 1 : inner,
		aInner: transposeA ? rows : 1,
		bInner: transposeB ? 1 : columns,
		bColumn: transposeB ? inner : 1,
	};
}

function launchMatmul(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor {
	const { gpu } = a;
	const product = productOf(a, b, transposeA, transposeB);
	const { rows, columns } = product;
	const tiles = tilesOf(gpu, (kernels) => kernels.tilesFor(product));
	const plan = blockedPlan(a, product);
	const variants = plan === undefined ? withoutBlocked(a) : gpu.variants;
	return gpu.chooseVariant(`matmul ${Object.values(product)}`, tileChoices(variants, tiles), (choice) => {
		const tile = tiles.find(({ name }) => name === choice);
		return gpu.scope(() => {
			const c = gpu.empty([rows, columns]);
			if (choice === "blocked" && plan !== undefined) launchBlocked(a, b, c, product, plan);
			else if (tile === undefined) launchPortable(a, b, c, product);
			else launchMatmulTiled(a, b, c, product, tile);
			return c;
		});
	});
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
