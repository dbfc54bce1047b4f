import type { Shape } from "../base/shape.js";
import type { BlockedProduct } from "../gpu/blocked_products.js";
import type { Tile } from "../gpu/tiles.js";
import type { Tensor } from "../tensor/tensor.js";
import { asVectors, tileChoices, tilesOf, vectorLoads } from "./tiles.js";
import { withoutBlocked } from "./variants.js";

/** A factor of a batch of products: `count` matrices [rows, columns] after each other in memory. */
export interface Factor {
	readonly x: Tensor;
	/** One for each product, or 1: all products have the same. */
	readonly count: number;
	readonly rows: number;
	readonly columns: number;
	/** Whether the product is with the transposed matrices. */
	readonly transposed: boolean;
}

/** The lengths and strides of a batch of products. @internal */
export interface Products {
	readonly products: number;
	readonly rows: number;
	readonly inner: number;
	readonly columns: number;
	/** Strides of a's rows and b's columns, and of both along the inner dimension. */
	readonly aRow: number;
	readonly aInner: number;
	readonly bInner: number;
	readonly bColumn: number;
	/** From one product to the next; 0 for a factor that all have. */
	readonly aProduct: number;
	readonly bProduct: number;
}

/** @internal */
export function productsOf(a: Factor, b: Factor): Products {
	const [rows, inner] = a.transposed ? [a.columns, a.rows] : [a.rows, a.columns];
	const columns = b.transposed ? b.rows : b.columns;
	return {
		products: Math.max(a.count, b.count),
		rows,
		inner,
		columns,
		aRow: a.transposed ? 1 : inner,
		aInner: a.transposed ? rows : 1,
		bInner: b.transposed ? 1 : columns,
		bColumn: b.transposed ? inner : 1,
		aProduct: a.count === 1 ? 0 : rows * inner,
		bProduct: b.count === 1 ? 0 : inner * columns,
	};
}

function flopsOf({ products, rows, inner, columns }: Products): number {
	return 2 * products * rows * inner * columns;
}

/** kernels/matmul.wgsl */
function launchPortable(a: Tensor, b: Tensor, c: Tensor, of: Products): void {
	const { products, ...uniforms } = of;
	a.gpu.launch(a.gpu.portableKernels.matmul, {
		bindings: [a, b, c].map((tensor) => tensor.memory()),
		uniforms,
		workgroups: products * Math.ceil(of.rows / 8) * Math.ceil(of.columns / 256),
		flops: flopsOf(of),
	});
}

/** The launches of the blocked kernels; undefined if another variant is better, or the device has none. */
function blockedPlan(a: Factor, b: Factor, of: Products): BlockedProduct | undefined {
	const { gpu } = a.x;
	if (!gpu.variants.includes("blocked")) return undefined;
	const { rows, inner, columns, aRow, aInner, bInner, bColumn } = of;
	return gpu.blockedKernels.planProduct(
		{ length: rows, inner, outerStride: aRow, innerStride: aInner, count: a.count },
		{ length: columns, inner, outerStride: bColumn, innerStride: bInner, count: b.count },
		gpu.subgroupSize,
		gpu.bindableBytes,
	);
}

/**
 * kernels/matmul.blocked.wgsl, after kernels/pack_factor.blocked.wgsl for a factor that it cannot read as
 * it lies.
 */
function launchBlocked(a: Tensor, b: Tensor, c: Tensor, of: Products, plan: BlockedProduct): void {
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
		flops: flopsOf(of),
	});
}

/** kernels/matmul.tiled.wgsl @internal */
export function launchMatmulTiled(a: Tensor, b: Tensor, c: Tensor, of: Products, tile: Tile): void {
	const { products: _, ...uniforms } = of;
	const { rows, inner, columns, aRow, aInner, bInner, bColumn } = of;
	a.gpu.launch(a.gpu.tiledKernels.matmul, {
		constants: {
			...tile.constants,
			A_LOADS: vectorLoads(aInner, aRow, inner, rows),
			B_LOADS: vectorLoads(bInner, bColumn, inner, columns),
		},
		bindings: [a, asVectors(a), b, asVectors(b), c].map((tensor) => tensor.memory()),
		uniforms: { ...uniforms, part: tile.part },
		workgroups: a.gpu.tiledKernels.tileCount(tile, of),
		flops: flopsOf(of),
	});
}

/** The products of the matrices of a and b, one launch for all of them, as a tensor of shape `to`. */
export function launchProducts(a: Factor, b: Factor, to: Shape): Tensor {
	const { gpu } = a.x;
	const of = productsOf(a, b);
	const tiles = tilesOf(gpu, (kernels) => kernels.tilesFor(of));
	const plan = blockedPlan(a, b, of);
	const variants = plan === undefined ? withoutBlocked(a.x) : gpu.variants;
	return gpu.chooseVariant(`matmul ${Object.values(of)}`, tileChoices(variants, tiles), (choice) => {
		const tile = tiles.find(({ name }) => name === choice);
		return gpu.scope(() => {
			const c = gpu.empty(to);
			if (choice === "blocked" && plan !== undefined) launchBlocked(a.x, b.x, c, of, plan);
			else if (tile === undefined) launchPortable(a.x, b.x, c, of);
			else launchMatmulTiled(a.x, b.x, c, of, tile);
			return c;
		});
	});
}

/** The gradients of products from that of the result, [products, rows, columns], one for each product. */
export function productGradients(
	a: Factor,
	b: Factor,
	gradient: Tensor,
): Readonly<Record<"a" | "b", (to: Shape) => Tensor>> {
	const { products: count, rows, columns } = productsOf(a, b);
	const dc: Factor = { x: gradient, count, rows, columns, transposed: false };
	const flipped = (factor: Factor): Factor => ({ ...factor, transposed: !factor.transposed });
	return {
		a: (to) => (a.transposed ? launchProducts(b, flipped(dc), to) : launchProducts(dc, flipped(b), to)),
		b: (to) => (b.transposed ? launchProducts(flipped(dc), a, to) : launchProducts(flipped(a), dc, to)),
	};
}
