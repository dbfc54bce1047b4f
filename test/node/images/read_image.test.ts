import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DataError, FormatError } from "../../../src/base/errors.js";
import { type Image, readImage, withChannels } from "../../../src/node/images/read_image.js";
import { GREY, GREY_ALPHA, makePng, PALETTE, type PngParts, RGB, RGBA } from "./png.js";

const test = suite<{ folder: string }>("reading images");

test.before.each(async (context) => {
	context.folder = await mkdtemp(join(tmpdir(), "tessera-images-"));
});

test.after.each(async ({ folder }) => {
	await rm(folder, { recursive: true });
});

async function read(folder: string, content: PngParts | Uint8Array): Promise<Image> {
	const path = join(folder, "image.png");
	await writeFile(path, content instanceof Uint8Array ? content : makePng(content));
	return readImage(path);
}

async function refused(folder: string, content: PngParts | Uint8Array, ...patterns: RegExp[]): Promise<void> {
	const error = await read(folder, content).catch((reason: unknown) => reason);
	assert.instance(error, FormatError);
	for (const pattern of [/image\.png/, ...patterns]) assert.match(String(error), pattern);
}

test("reads grey of each depth, stretched to 0 … 255", async ({ folder }) => {
	const cases: [depth: number, rows: number[][], pixels: number[]][] = [
		// Three pixels in a row: rows end within a byte, whose other bits are padding (set here).
		[1, [[0b10111111], [0b01011111]], [255, 0, 255, 0, 255, 0]],
		[2, [[0b00011011], [0b11100111]], [0, 85, 170, 255, 170, 85]],
		[
			4,
			[
				[0x0f, 0x8f],
				[0x1e, 0x7f],
			],
			[0, 255, 136, 17, 238, 119],
		],
		[
			8,
			[
				[0, 1, 2],
				[253, 254, 255],
			],
			[0, 1, 2, 253, 254, 255],
		],
		[
			16,
			[
				[0, 0, 0, 128, 0, 129],
				[0x7f, 0xff, 0xff, 0x7e, 0xff, 0xff],
			],
			[0, 0, 1, 127, 254, 255],
		],
	];
	for (const [depth, rows, pixels] of cases) {
		const image = await read(folder, { width: 3, height: 2, depth, type: GREY, rows });
		assert.equal([image.channels, image.height, image.width], [1, 2, 3], `depth ${depth}`);
		assert.equal([...image.pixels], pixels, `depth ${depth}`);
	}
});

test("reads RGB as planes, of 8 and 16 bits", async ({ folder }) => {
	const eight = await read(folder, { width: 2, height: 1, depth: 8, type: RGB, rows: [[1, 2, 3, 4, 5, 6]] });
	assert.equal([eight.channels, eight.height, eight.width], [3, 1, 2]);
	assert.equal([...eight.pixels], [1, 4, 2, 5, 3, 6]);
	const rows = [[255, 255, 0, 0, 128, 128]];
	const sixteen = await read(folder, { width: 1, height: 1, depth: 16, type: RGB, rows });
	assert.equal([...sixteen.pixels], [255, 0, 128]);
});

test("colours become grey by their luma (Rec. 601)", async ({ folder }) => {
	const rows = [[255, 0, 0, 0, 255, 0, 0, 0, 255]];
	const grey = withChannels(await read(folder, { width: 3, height: 1, depth: 8, type: RGB, rows }), 1);
	assert.equal([...grey.pixels], [76, 150, 29]);
});

test("reads palettes of each depth: 3 channels, or 1 when all are greys", async ({ folder }) => {
	const colours = [10, 20, 30, 40, 50, 60, 70, 80, 90];
	for (const [depth, row] of [
		[2, [0b10000111]],
		[4, [0x20, 0x1f]],
		[8, [2, 0, 1]],
	] as const) {
		const chunks = [["PLTE", colours]] as const;
		const image = await read(folder, { width: 3, height: 1, depth, type: PALETTE, rows: [row], chunks });
		assert.is(image.channels, 3);
		assert.equal([...image.pixels], [70, 10, 40, 80, 20, 50, 90, 30, 60], `depth ${depth}`);
	}
	const greys = [["PLTE", [9, 9, 9, 200, 200, 200]]] as const;
	const image = await read(folder, {
		width: 3,
		height: 1,
		depth: 1,
		type: PALETTE,
		rows: [[0b01000000]],
		chunks: greys,
	});
	assert.equal([image.channels, ...image.pixels], [1, 9, 200, 9]);
});

test("composites over black, and leaves opaque images unchanged", async ({ folder }) => {
	const greyRow = [200, 255, 200, 0, 200, 128];
	const grey = await read(folder, { width: 3, height: 1, depth: 8, type: GREY_ALPHA, rows: [greyRow] });
	assert.equal([grey.channels, ...grey.pixels], [1, 200, 0, 100]);
	const row = [10, 20, 30, 255, 250, 250, 250, 0];
	const rgba = await read(folder, { width: 2, height: 1, depth: 8, type: RGBA, rows: [row] });
	assert.equal([rgba.channels, ...rgba.pixels], [3, 10, 0, 20, 0, 30, 0]);
	const wide = [255, 255, 0x80, 0x80];
	const sixteen = await read(folder, { width: 1, height: 1, depth: 16, type: GREY_ALPHA, rows: [wide] });
	assert.equal([...sixteen.pixels], [128]);
	const chunks = [
		["PLTE", [100, 110, 120, 50, 60, 70]],
		["tRNS", [0]],
	] as const;
	const palette = await read(folder, { width: 2, height: 1, depth: 8, type: PALETTE, rows: [[0, 1]], chunks });
	assert.equal([...palette.pixels], [0, 50, 0, 60, 0, 70]);
});

test("takes the one transparent colour of a tRNS chunk as black", async ({ folder }) => {
	const grey = [["tRNS", [0, 7]]] as const;
	const greyImage = await read(folder, { width: 2, height: 1, depth: 8, type: GREY, rows: [[7, 8]], chunks: grey });
	assert.equal([...greyImage.pixels], [0, 8]);
	const chunks = [["tRNS", [0, 1, 0, 2, 0, 3]]] as const;
	const rows = [[1, 2, 3, 1, 2, 4, 0, 0, 3]];
	const image = await read(folder, { width: 3, height: 1, depth: 8, type: RGB, rows, chunks });
	assert.equal([...image.pixels], [0, 1, 0, 0, 2, 0, 0, 4, 3]);
});

test("reads interlaced images, of 8 bits and of fewer", async ({ folder }) => {
	// A 3 × 3 image in Adam7: pass 1 has (0,0), pass 4 (2,0), pass 5 (0,2) (2,2), pass 6 (1,0) (1,2), pass 7 row 1.
	const parts = { width: 3, height: 3, type: GREY, interlaced: true };
	const image = await read(folder, { ...parts, depth: 8, rows: [[1], [3], [7, 9], [2], [8], [4, 5, 6]] });
	assert.equal([...image.pixels], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
	const rows = [[0x10], [0x30], [0x79], [0x20], [0x80], [0x45, 0x60]];
	const nibbles = await read(folder, { ...parts, depth: 4, rows });
	assert.equal(
		[...nibbles.pixels],
		[1, 2, 3, 4, 5, 6, 7, 8, 9].map((value) => 17 * value),
	);
});

test("names the format of other files, and how to convert them", async ({ folder }) => {
	await refused(
		folder,
		Buffer.from("BM.............."),
		/BMP file; PNG, JPEG, WebP, AVIF, GIF and TIFF are read/,
		/magick/,
	);
	await refused(folder, Buffer.from("....ftypheic...."), /HEIC/);
	await refused(folder, Buffer.from("plain text"), /no image file that is known/);
	await refused(folder, new Uint8Array(), /no image file that is known/);
});

test("refuses corrupt and truncated files", async ({ folder }) => {
	const parts = { width: 4, height: 2, depth: 8, type: GREY };
	const rows = [
		[1, 2, 3, 4],
		[5, 6, 7, 8],
	];
	const good = makePng({ ...parts, rows });
	for (const length of [8, 20, good.length - 20, good.length - 12]) {
		await refused(folder, good.subarray(0, length), /corrupt/);
	}
	const flipped = Buffer.from(good);
	flipped[45] ^= 4;
	await refused(folder, flipped, /corrupt/);
	await refused(folder, makePng({ ...parts, rows: [[1, 2, 3, 4]] }), /corrupt/);
	const palette = [["PLTE", [1, 2, 3]]] as const;
	await refused(folder, makePng({ ...parts, type: PALETTE, rows, chunks: palette }), /corrupt/);
});

test("a missing file is named", async ({ folder }) => {
	const error = await readImage(join(folder, "none.png")).catch((reason: unknown) => reason);
	assert.instance(error, DataError);
	assert.match(String(error), /none\.png.*no such file/);
});

test.run();
