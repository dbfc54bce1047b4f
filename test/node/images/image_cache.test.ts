import { mkdir, mkdtemp, readdir, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "fast-png";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DataError } from "../../../src/base/errors.js";
import { cachedImages, pixelsOf } from "../../../src/node/images/cached_images.js";
import { type CacheOptions, openImageCache } from "../../../src/node/images/image_cache.js";
import { sourceOf } from "../../../src/node/images/image_source.js";

const test = suite<{ folder: string }>("image cache");

test.before.each(async (context) => {
	context.folder = await mkdtemp(join(tmpdir(), "tessera-cache-"));
});

test.after.each(async ({ folder }) => {
	await rm(folder, { recursive: true });
});

/** Pixel (x, y) of channel c has the value first + x + 10 y + 50 c. */
async function writePng(path: string, first: number, width = 8, height = 4, channels = 1): Promise<void> {
	const data = Uint8Array.from({ length: width * height * channels }, (_, i) => {
		const [pixel, channel] = [Math.floor(i / channels), i % channels];
		return first + (pixel % width) + 10 * Math.floor(pixel / width) + 50 * channel;
	});
	await writeFile(path, encode({ width, height, data, channels: channels as 1 | 3, depth: 8 }));
}

async function options(folder: string, more: Partial<CacheOptions["preparation"]> = {}): Promise<CacheOptions> {
	const files = (await readdir(folder)).sort().map((name) => join(folder, name));
	const preparation = {
		size: undefined,
		channels: undefined,
		background: [0, 0, 0],
		crop: "center",
		...more,
	} as const;
	return { folder, files, preparation, maxBad: 0 };
}

async function images(folder: string, count: number, channels = 1): Promise<string> {
	const data = join(folder, "data");
	await mkdir(data);
	for (let i = 0; i < count; i++) await writePng(join(data, `${i}.png`), 10 * i, 8, 4, channels);
	return data;
}

test("a cache is made once, and again if a file has another name, size or time", async ({ folder }) => {
	const data = await images(folder, 5);
	const path = join(folder, "cache", "a.images");
	const cache = await openImageCache(path, await options(data));
	assert.equal([cache.count, cache.channels, cache.width, cache.height], [5, 1, 8, 4]);
	const pixels = await pixelsOf(cache);
	assert.equal([pixels[0], pixels[32], pixels[33], pixels[40]], [0, 10, 11, 20]);
	const made = (await stat(path)).mtimeMs;
	let read = 0;
	const progress = () => read++;
	await openImageCache(path, { ...(await options(data)), progress });
	assert.equal([read, (await stat(path)).mtimeMs], [0, made]);
	await utimes(join(data, "3.png"), 1, 1);
	await openImageCache(path, { ...(await options(data)), progress });
	assert.is(read, 5);
	await openImageCache(path, { ...(await options(data, { background: [1, 2, 3] })), progress });
	assert.is(read, 10);
	// A file that is not complete, for example after a crash of the machine, is made again.
	await truncate(path, (await stat(path)).size - 3);
	await openImageCache(path, { ...(await options(data, { background: [1, 2, 3] })), progress });
	assert.is(read, 15);
	assert.equal(await readdir(join(folder, "cache")), ["a.images"]);
});

test("the thread that reads a cache gives what is in memory, mirrored and in parts too", async ({ folder }) => {
	const data = await images(folder, 6, 3);
	await writePng(join(data, "0.png"), 0, 8, 4, 1); // grey next to colours
	const cache = await openImageCache(join(folder, "a.images"), await options(data));
	const { count, channels, height, width } = cache;
	assert.is(channels, 3);
	const labels = Uint8Array.from({ length: count }, (_, i) => i % 2);
	const inMemory = sourceOf({ name: "a", count, channels, height, width, pixels: await pixelsOf(cache), labels });
	const streamed = cachedImages("a", cache, labels);
	try {
		assert.equal(streamed.labels, labels);
		const indices = Uint32Array.of(5, 0, 3, 3);
		assert.equal(await streamed.read(indices), await inMemory.read(indices));
		const views = [true, false, true, false].map((flipped) => ({ x: 0.5, y: 0.5, flipped }));
		const mirrored = await streamed.read(indices, views);
		assert.equal(mirrored, await inMemory.read(indices, views));
		assert.equal([...mirrored.subarray(0, 8)], [57, 56, 55, 54, 53, 52, 51, 50]);
		const many = await Promise.all(
			Array.from({ length: 50 }, (_, i) => streamed.read(Uint32Array.of(i % 6, (i + 1) % 6))),
		);
		for (const [i, pair] of many.entries()) assert.equal(pair, await inMemory.read(Uint32Array.of(i % 6, (i + 1) % 6)));
	} finally {
		await streamed.close();
	}
});

test("random crops keep the whole image, of which any square can be read", async ({ folder }) => {
	const data = await images(folder, 2);
	await writePng(join(data, "1.png"), 10, 4, 12);
	const cache = await openImageCache(join(folder, "a.images"), await options(data, { size: 4, crop: "random" }));
	assert.equal([cache.width, cache.height, [...cache.sizes]], [4, 4, [8, 4, 4, 12]]);
	const source = cachedImages("a", cache, undefined);
	const firsts = async (x: number, y: number) => {
		const pixels = await source.read(Uint32Array.of(0, 1), Array(2).fill({ x, y, flipped: false }));
		return [pixels[0], pixels[16]];
	};
	assert.equal(await firsts(0, 0), [0, 10]);
	assert.equal(await firsts(1, 1), [4, 90]);
	assert.equal(await firsts(0.5, 0.5), [2, 50]);
	await source.close();
});

test("damaged files and those of another size are left out, up to a share", async ({ folder }) => {
	const data = await images(folder, 8);
	await writeFile(join(data, "2.png"), "damaged");
	await writePng(join(data, "5.png"), 1, 12, 4);
	const path = join(folder, "a.images");
	const lenient = { ...(await options(data)), maxBad: 0.25 };
	const cache = await openImageCache(path, lenient);
	assert.equal([...cache.origins], [0, 1, 3, 4, 6, 7]);
	assert.equal(
		cache.bad.map(({ path }) => path),
		[join(data, "2.png"), join(data, "5.png")],
	);
	assert.match(cache.bad[1].reason, /it is 12 × 4, but ".*0\.png" is 8 × 4: give --size/);
	// The share is checked when a cache is found, too.
	for (const maxBad of [0.2, 0]) {
		const error = await openImageCache(path, { ...lenient, maxBad }).catch((reason: unknown) => reason);
		assert.instance(error, DataError);
		assert.match((error as Error).message, /files? of 8 in ".*" cannot be used, more than the (20|0) % that --max-bad/);
	}
	for (let i = 0; i < 8; i++) await writeFile(join(data, `${i}.png`), "damaged");
	const error = await openImageCache(path, { ...(await options(data)), maxBad: 1 }).catch(String);
	assert.match(String(error), /None of the 8 images in ".*" can be read/);
});

test.run();
