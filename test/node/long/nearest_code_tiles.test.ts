import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../../src/base/random.js";
import { codeTiles } from "../../../src/gpu/tiles.js";
import { launchNearestCode } from "../../../src/ops/codes/nearest_code.js";
import * as reference from "../../reference/nearest_code.js";
import { assertSame, deviceWith, randomArray, tensorOf } from "../../support.js";

const test = suite("every tile of nearestCode");

const cases: readonly (readonly [z: number[], codes: number])[] = [
	[[1, 5], 1],
	[[131, 7], 129],
	[[70, 20], 67],
	[[3, 16, 2, 2], 128],
	[[5, 33, 3, 7], 300],
];

for (const tile of codeTiles)
	test(tile.name, async () => {
		const gpu = await deviceWith("tiled");
		for (const [shape, codes] of cases) {
			const random = new Random(codes);
			const z = randomArray(random, shape);
			const codebook = randomArray(random, [codes, shape[1] as number]);
			const search = () => gpu.scope(() => launchNearestCode(tensorOf(gpu, z), tensorOf(gpu, codebook), tile));
			const [indices, again] = [search(), search()];
			const found = await indices.data();
			assertSame(await again.data(), found, "a second run");
			for (const [n, index] of reference.nearestCode(z, codebook).entries())
				if (found[n] !== index)
					assert.ok(
						(found[n] as number) < codes && reference.excessOf(z, codebook, n, found[n] as number, index) <= 1,
						`[${shape}] row ${n}: ${found[n]} instead of ${index}`,
					);
			for (const tensor of [indices, again]) tensor.dispose();
		}
	});

test.run();
