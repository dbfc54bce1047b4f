import { suite } from "uvu";
import * as assert from "uvu/assert";
import { tileCount, tiles, tilesFor } from "../../src/gpu/tiles.js";
import { tileChoices } from "../../src/ops/tiles.js";

const test = suite("tiles of a product");

for (const [rows, inner, columns, name] of [
	[4096, 4096, 4096, "tiled 64×64/1"],
	[2048, 2048, 2048, "tiled 64×64/1"],
	[1024, 1024, 1024, "tiled 64×32/2"],
	[512, 512, 512, "tiled 32×32/8"],
	[128, 784, 256, "tiled 16×16/32"],
	[64, 288, 6272, "tiled 32×32/8"],
	[32, 64, 100352, "tiled 32×64/2"],
	[16, 64, 6272, "tiled 16×16/32"],
	[6272, 64, 16, "tiled 16×16/32"],
	[262144, 64, 16, "tiled 64×16/4"],
	[1, 1, 1, "tiled 32×32/4"],
] as const)
	test(`${rows}×${inner} · ${inner}×${columns}: ${name}`, () => {
		assert.is(tilesFor({ rows, inner, columns })[0].name, name);
	});

test("many products whose results fill no large tile get a small one", () => {
	const sizes = { rows: 8, inner: 8, columns: 4, products: 512 };
	const [preferred] = tilesFor(sizes);
	assert.is(preferred.name, "tiled 32×32/4");
	assert.is(tileCount(preferred, sizes), 512);
});

for (const { name, rows, columns, parts, invocations, constants } of tiles)
	test(`${name} is within WebGPU's default limits, and an invocation copies at most one block of each factor`, () => {
		const { LANES_X = 0, LANES_Y = 0, DEPTH = 0 } = constants;
		assert.is(invocations, LANES_X * LANES_Y * parts);
		assert.ok(invocations <= 256);
		assert.ok(4 * DEPTH * (rows + columns) <= 16384, "the factors fit into workgroup memory");
		assert.ok(Math.max(rows, columns) * DEPTH <= 16 * invocations);
		assert.ok(64 * invocations <= 16384, "so does a quarter of the sums of all parts");
	});

test("a device that has several variants chooses from the tiles and the portable kernel", () => {
	const [first, second] = tiles as [(typeof tiles)[0], (typeof tiles)[0]];
	assert.equal(tileChoices(["tiled"], [first, second]), [first.name, second.name]);
	assert.equal(tileChoices(["tiled", "portable", "blocked"], [first]), [first.name, "portable", "blocked"]);
	assert.equal(tileChoices(["blocked", "portable"], [first]), ["blocked", "portable"]);
	assert.equal(tileChoices(["tiled"], []), ["portable"]);
	assert.equal(tileChoices(["tiled", "portable"], []), ["portable"]);
});

test.run();
