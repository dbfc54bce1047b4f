import { suite } from "uvu";
import { Random } from "../../../src/base/random.js";
import { tiles } from "../../../src/gpu/tiles.js";
import { launchMatmulTiled, productsOf } from "../../../src/ops/products.js";
import * as reference from "../../reference/matmul.js";
import { assertClose, assertSame, deviceWith, randomArray, tensorOf } from "../../support.js";

const test = suite("every tile of matmul");

/**
 * Both factors loaded word by word, by vectors along the inner dimension, and by vectors along rows and
 * columns.
 */
const cases = [
	{ rows: 67, inner: 71, columns: 65 },
	{ rows: 1, inner: 5, columns: 3 },
	{ rows: 36, inner: 200, columns: 133, transposeB: true },
	{ rows: 132, inner: 71, columns: 68, transposeA: true },
];

for (const tile of tiles)
	test(tile.name, async () => {
		const gpu = await deviceWith("tiled");
		for (const { rows, inner, columns, transposeA = false, transposeB = false } of cases) {
			const random = new Random(rows + inner);
			const a = randomArray(random, transposeA ? [inner, rows] : [rows, inner]);
			const b = randomArray(random, transposeB ? [columns, inner] : [inner, columns]);
			const product = () =>
				gpu.scope(() => {
					const [of, by] = [tensorOf(gpu, a), tensorOf(gpu, b)];
					const c = gpu.empty([rows, columns]);
					const factors = [
						{ x: of, count: 1, rows: a.shape[0], columns: a.shape[1], transposed: transposeA },
						{ x: by, count: 1, rows: b.shape[0], columns: b.shape[1], transposed: transposeB },
					] as const;
					launchMatmulTiled(of, by, c, productsOf(...factors), tile);
					return c;
				});
			const [c, again] = [product(), product()];
			const expected = reference.matmul(a, b, { transposeA, transposeB });
			assertClose(await c.data(), expected.data, 1e-5, `[${rows}, ${inner}] · [${inner}, ${columns}]`);
			assertSame(await again.data(), await c.data(), "a second run");
			for (const tensor of [c, again]) tensor.dispose();
		}
	});

test.run();
