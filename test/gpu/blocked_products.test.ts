import { suite } from "uvu";
import * as assert from "uvu/assert";
import { planProduct } from "../../src/gpu/blocked_products.js";

const test = suite("products in the blocked variant");

/** The plan for a product of row-major factors, on an adapter with subgroups of 8. */
function planOf(rows: number, inner: number, columns: number, maxBytes = 2 ** 27) {
	return planProduct(
		{ length: rows, inner, outerStride: inner, innerStride: 1 },
		{ length: columns, inner, outerStride: 1, innerStride: columns },
		8,
		maxBytes,
	);
}

test("small products and short inner dimensions are left to the portable kernel", () => {
	assert.is(planOf(15, 16, 16), undefined);
	assert.is(planOf(512, 7, 512), undefined);
	assert.ok(planOf(16, 16, 16));
});

test("so are factors that would not fit into a binding once they are packed", () => {
	assert.is(planOf(17, 100, 64, 4 * 32 * 100 - 1), undefined);
	assert.ok(planOf(17, 100, 64, 4 * 32 * 100));
});

test("a factor is packed unless whole vectors of it lie next to each other", () => {
	assert.ok(planOf(64, 64, 36)?.a.packing);
	assert.is(planOf(64, 64, 36)?.b.packing, undefined);
	for (const [inner, columns] of [
		[64, 37],
		[63, 36],
	] as const)
		assert.ok(planOf(64, inner, columns)?.b.packing);
});

test.run();
