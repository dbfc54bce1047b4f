import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type ConvolutionTile, convolutionTilesFor, type FewChannelsTile } from "../../src/gpu/convolution_tiles.js";
import { tileCount, tiles, tilesFor } from "../../src/gpu/tiles.js";
import { type ConvolutionPlan, planConv2d, planConvTranspose2d } from "../../src/ops/convolution/plan.js";
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

/** A convolution that keeps the height and width of [batch, inChannels, size, size]. */
function convolution(batch: number, inputs: number, size: number, outputs: number, kernel: number, groups = 1) {
	const padding = (kernel - 1) / 2;
	return planConv2d(
		[batch, inputs, size, size],
		[outputs, inputs / groups, kernel, kernel],
		[batch, outputs, size, size],
		{ stride: [1, 1], padding: [padding, padding], dilation: [1, 1], groups },
	);
}

/** A transposed convolution of stride 2 that doubles height and width. */
function doubling(batch: number, inputs: number, size: number, outputs: number): ConvolutionPlan {
	return planConvTranspose2d(
		[batch, inputs, size, size],
		[inputs, outputs, 4, 4],
		[batch, outputs, 2 * size, 2 * size],
		{ stride: [2, 2], padding: [1, 1], dilation: [1, 1], groups: 1 },
	);
}

function isFew(tile: ConvolutionTile | undefined): tile is FewChannelsTile {
	return tile !== undefined && "workgroups" in tile;
}

for (const [what, plan, name] of [
	["32 → 1, 28×28, batch 128", convolution(128, 32, 28, 1, 3), "tiled 256: 14×28×1/2"],
	["the same, batch 1", convolution(1, 32, 28, 1, 3), "tiled 128: 4×4×1/8"],
	["64 → 3, 16×16 to 32×32", doubling(128, 64, 16, 3), "tiled 64: 16×8×1/1"],
	["256 → 4, 1×1", convolution(64, 256, 7, 4, 1), "tiled 128: 2×4×1/32"],
	["512 groups of one channel, 7×7", convolution(8, 512, 7, 512, 3, 512), "tiled 64: 7×8×1/1"],
	["a batch of small images", convolution(1000, 1, 3, 1, 3), "tiled 64: 3×4×7/1"],
	["a large kernel", convolution(1, 3, 224, 2, 11), "tiled 16×64/4"],
	["5 output channels", convolution(128, 32, 28, 5, 3), "tiled 16×64/4"],
] as const) {
	const candidates = convolutionTilesFor(plan);
	test(`convolution of ${what}: ${name}`, () => {
		assert.is(candidates[0]?.name, name);
		assert.is(new Set(candidates.map((tile) => tile.name)).size, candidates.length, "names differ");
	});

	for (const { name, constants, uniforms } of candidates.filter(isFew))
		test(`${name} for ${what} is within WebGPU's default limits, and copies each vector once`, () => {
			const { LANES = 0, SIZE = 0, OUTPUTS = 0, WINDOW = 0, COPIES = 0 } = constants;
			const { tileImages = 0, tileWidth = 0, tileBlocks = 0, parts = 0, quads = 0, partQuads = 0 } = uniforms;
			const { regionWidth = 0, slots = 0, columnStride = 0, weightStart = 0 } = uniforms;
			const columns = tileImages * regionWidth;
			const weights =
				quads * OUTPUTS * (plan.kernel[0] / plan.steps.outStep[0]) * (plan.kernel[1] / plan.steps.outStep[1]);
			assert.ok(LANES <= 256 && 16 * SIZE <= 16384 && COPIES <= 4 && WINDOW <= 5);
			assert.ok(tileImages * tileWidth * tileBlocks * parts <= LANES, "invocations");
			assert.is(quads, parts * partQuads);
			assert.ok(quads * columns * slots <= COPIES * LANES && weights <= LANES, "copies");
			assert.ok(slots % 2 === 0 ? columnStride === slots + 1 : columnStride === slots);
			assert.is(weightStart, quads * columns * columnStride);
			assert.ok(weightStart + weights <= SIZE && OUTPUTS * LANES <= SIZE, "workgroup memory");
		});
}

test("a device that has several variants chooses from the tiles and the portable kernel", () => {
	const [first, second] = tiles as [(typeof tiles)[0], (typeof tiles)[0]];
	assert.equal(tileChoices(["tiled"], [first, second]), [first.name, second.name]);
	assert.equal(tileChoices(["tiled", "portable", "blocked"], [first]), [first.name, "portable", "blocked"]);
	assert.equal(tileChoices(["blocked", "portable"], [first]), ["blocked", "portable"]);
	assert.equal(tileChoices(["tiled"], []), ["portable"]);
	assert.equal(tileChoices(["tiled", "portable"], []), ["portable"]);
});

test.run();
