import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FormatError, LimitError, TesseraError } from "../../../src/base/errors.js";
import { colourOf, readPrepared } from "../../../src/node/images/prepare_image.js";
import { type Image, readImage } from "../../../src/node/images/read_image.js";

const test = suite<{ folder: string }>("image formats");

test.before.each(async (context) => {
	context.folder = await mkdtemp(join(tmpdir(), "tessera-formats-"));
});

test.after.each(async ({ folder }) => {
	await rm(folder, { recursive: true });
});

const [width, height] = [40, 24];

/** Red grows to the right, green downwards, blue is constant; smooth, so that lossy formats keep it. */
function colours(): Uint8Array {
	return Uint8Array.from({ length: width * height * 3 }, (_, i) => {
		const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
		return [6 * x, 10 * y, 60][i % 3];
	});
}

const picture = () => sharp(colours(), { raw: { width, height, channels: 3 } });

function valueAt({ pixels, width: columns, height: rows }: Image, channel: number, x: number, y: number): number {
	return pixels[(channel * rows + y) * columns + x];
}

/** The largest difference from the picture. */
function differenceOf(image: Image): number {
	let most = 0;
	for (let y = 0; y < height; y++)
		for (let x = 0; x < width; x++)
			for (const [channel, value] of [6 * x, 10 * y, 60].entries())
				most = Math.max(most, Math.abs(valueAt(image, channel, x, y) - value));
	return most;
}

async function written(folder: string, name: string, bytes: Uint8Array): Promise<string> {
	const path = join(folder, name);
	await writeFile(path, bytes);
	return path;
}

test("JPEG, WebP, AVIF, GIF and TIFF", async ({ folder }) => {
	const files = [
		["a.jpg", await picture().jpeg({ quality: 95, chromaSubsampling: "4:4:4" }).toBuffer(), 8],
		["a.webp", await picture().webp({ lossless: true }).toBuffer(), 0],
		["a.avif", await picture().avif({ lossless: true, chromaSubsampling: "4:4:4" }).toBuffer(), 4],
		["a.gif", await picture().gif().toBuffer(), 40],
		["a.tiff", await picture().tiff({ compression: "lzw" }).toBuffer(), 0],
		["named.png", await picture().webp({ lossless: true }).toBuffer(), 0], // the content decides, not the name
	] as const;
	for (const [name, bytes, most] of files) {
		const image = await readImage(await written(folder, name, bytes));
		assert.equal([image.channels, image.width, image.height], [3, width, height], name);
		assert.ok(differenceOf(image) <= most, `${name}: differs by ${differenceOf(image)}`);
	}
});

test("the orientation of EXIF is applied", async ({ folder }) => {
	// The picture as each orientation stores it, made by the inverse of what the orientation asks for.
	const stored = {
		1: picture(),
		2: picture().flop(),
		3: picture().rotate(180),
		4: picture().flip(),
		6: picture().rotate(270),
		8: picture().rotate(90),
	};
	for (const [orientation, image] of Object.entries(stored)) {
		const raw = await image.raw().toBuffer({ resolveWithObject: true });
		const { info, data } = raw;
		const jpeg = await sharp(data, { raw: { width: info.width, height: info.height, channels: 3 } })
			.withMetadata({ orientation: Number(orientation) })
			.jpeg({ quality: 95, chromaSubsampling: "4:4:4" })
			.toBuffer();
		const read = await readImage(await written(folder, `${orientation}.jpg`, jpeg));
		assert.equal([read.width, read.height], [width, height], `orientation ${orientation}`);
		assert.ok(differenceOf(read) <= 10, `orientation ${orientation}: differs by ${differenceOf(read)}`);
	}
});

test("grey, CMYK and 16 bit become 1 or 3 channels of 8 bits", async ({ folder }) => {
	const grey = await sharp(
		Uint8Array.from({ length: 64 }, (_, i) => 4 * i),
		{ raw: { width: 8, height: 8, channels: 1 } },
	)
		.toColourspace("b-w")
		.webp({ lossless: true })
		.toBuffer();
	const image = await readImage(await written(folder, "grey.webp", grey));
	assert.equal([image.channels, image.pixels[0], image.pixels[63]], [1, 0, 252]);
	const cmyk = await picture().toColourspace("cmyk").jpeg({ quality: 95 }).toBuffer();
	assert.is((await readImage(await written(folder, "cmyk.jpg", cmyk))).channels, 3);
	const wide = await sharp(
		Uint16Array.from(colours(), (value) => 257 * value),
		{ raw: { width, height, channels: 3 } },
	)
		.toColourspace("rgb16")
		.tiff({ compression: "lzw" })
		.toBuffer();
	assert.is((await sharp(wide).metadata()).depth, "ushort");
	assert.ok(differenceOf(await readImage(await written(folder, "wide.tiff", wide))) <= 1);
});

test("transparent pixels are composited over the background", async ({ folder }) => {
	const rgba = Uint8Array.of(200, 200, 200, 255, 200, 200, 200, 0);
	const files = [
		[
			"a.webp",
			await sharp(rgba, { raw: { width: 2, height: 1, channels: 4 } })
				.webp({ lossless: true })
				.toBuffer(),
		],
		[
			"a.png",
			await sharp(rgba, { raw: { width: 2, height: 1, channels: 4 } })
				.png()
				.toBuffer(),
		],
		[
			"a2.png",
			await sharp(rgba, { raw: { width: 2, height: 1, channels: 4 } })
				.toColourspace("b-w")
				.png()
				.toBuffer(),
		],
	] as const;
	for (const [name, bytes] of files) {
		const path = await written(folder, name, bytes);
		for (const [background, wanted] of [
			["black", [0, 0, 0]],
			["white", [255, 255, 255]],
			["#104080", [16, 64, 128]],
		] as const) {
			const { pixels, channels } = await readImage(path, { background: colourOf("test", "background", background) });
			const last = [0, 1, 2].map((channel) => pixels[channels === 1 ? 1 : 2 * channel + 1]);
			assert.equal([pixels[0], ...last], [200, ...wanted], `${name} over ${background}`);
		}
	}
	assert.throws(() => colourOf("tessera train", "--background", "mauve"), /--background must be black, white or/);
});

test("the shorter side is scaled, and the middle cut out", async ({ folder }) => {
	const jpeg = await written(folder, "a.jpg", await picture().jpeg({ quality: 95 }).toBuffer());
	const png = await written(folder, "a.png", await picture().png().toBuffer());
	for (const path of [jpeg, png]) {
		const image = await readPrepared(path, { size: 12, channels: 3, background: "black" });
		assert.equal([image.width, image.height, image.channels], [12, 12, 3]);
		// The middle 24 of 40 columns: the centres of the first and the last pixel are at 8.5 and 30.5.
		for (const [x, red] of [
			[0, 51],
			[11, 183],
		])
			assert.ok(Math.abs(valueAt(image, 0, x, 6) - red) < 12, `${path}: ${valueAt(image, 0, x, 6)} at ${x}`);
		const larger = await readPrepared(path, { size: 48, channels: 1, background: "black" });
		assert.equal([larger.width, larger.height, larger.channels], [48, 48, 1]);
	}
	const odd = await written(folder, "odd.png", await picture().resize(10, 8).png().toBuffer());
	const message = await readPrepared(odd, { size: undefined, channels: 3, background: "black" }).catch(String);
	assert.match(String(message), /odd\.png" is 10 × 8, but width and height must be divisible by 4: give --size/);
});

test("truncated files and files with a changed byte: an image of the same size, or an error that names the file", async ({
	folder,
}) => {
	const files = [
		["a.jpg", await picture().jpeg().toBuffer()],
		["a.webp", await picture().webp({ lossless: true }).toBuffer()],
		["a.avif", await picture().avif({ effort: 0 }).toBuffer()],
		["a.gif", await picture().gif().toBuffer()],
		["a.tiff", await picture().tiff().toBuffer()],
		["a.png", await picture().png().toBuffer()],
	] as const;
	for (const [name, bytes] of files) {
		for (let part = 0; part < 16; part++) {
			const path = await written(folder, name, bytes.subarray(0, Math.floor((bytes.length * part) / 16)));
			const error = await readImage(path).catch((reason: unknown) => reason);
			assert.instance(error, FormatError, `${name}, ${part}/16`);
			assert.match((error as Error).message, path);
		}
		for (let at = 0; at < Math.min(48, bytes.length); at++) {
			const changed = Buffer.from(bytes);
			changed[at] ^= 0xff;
			const path = await written(folder, name, changed);
			const result = await readImage(path).catch((reason: unknown) => reason);
			if (result instanceof Error) {
				assert.ok(result instanceof TesseraError && !result.message.includes("\n"), `${name}: ${result}`);
				assert.match(result.message, path);
			} else assert.ok((result as Image).pixels.length <= 2 ** 27);
		}
	}
});

test("a header that states an absurd size allocates nothing", async ({ folder }) => {
	const jpeg = await picture().jpeg().toBuffer();
	const frame = jpeg.indexOf(Buffer.of(0xff, 0xc0));
	jpeg.writeUInt16BE(60000, frame + 5);
	jpeg.writeUInt16BE(60000, frame + 7);
	const before = process.memoryUsage().rss;
	const error = await readImage(await written(folder, "huge.jpg", jpeg)).catch((reason: unknown) => reason);
	assert.instance(error, LimitError);
	assert.match((error as Error).message, /huge\.jpg": it has more than 44,739,242 pixels/);
	assert.ok(process.memoryUsage().rss - before < 2 ** 28);
});

test.run();
