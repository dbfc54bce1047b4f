import { createHash } from "node:crypto";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { dirname, relative } from "node:path";
import { DataError, FormatError, TesseraError } from "../../base/errors.js";
import { fileError, makeFolder, syncFolder } from "../files.js";
import { inOrder } from "../in_order.js";
import { plural } from "../plural.js";
import type { Colour } from "./png.js";
import { cropped } from "./prepare_image.js";
import { type Image, readImage, withChannels } from "./read_image.js";
import { MissingPackageError } from "./sharp.js";

/** How the images of a set are prepared before they are cached. */
export interface CachePreparation {
	/** What the shorter side is scaled to; undefined if all images have one size already. */
	readonly size: number | undefined;
	/** undefined: 3 if any image has a colour, else 1. */
	readonly channels: 1 | 3 | undefined;
	readonly background: Colour;
	/** "center": a square is cut out of the middle. "random": the whole image is kept, for a part that is chosen when it is read. */
	readonly crop: "center" | "random";
}

/** A file that was left out. */
export interface BadFile {
	readonly path: string;
	readonly reason: string;
}

/** The images of a cache file: which bytes belong to which. */
export interface ImageCache {
	readonly path: string;
	readonly count: number;
	readonly channels: 1 | 3;
	/** Of the images as they are read. */
	readonly height: number;
	readonly width: number;
	/** [count]: the number of the image in the list of files. */
	readonly origins: Uint32Array;
	/** [count, 2]: width and height of each image as it is stored. */
	readonly sizes: Uint32Array;
	readonly bad: readonly BadFile[];
	/** Identifies the files by their names and sizes. */
	readonly fingerprint: string;
}

export interface CacheOptions {
	/** The folder of the images, to which their names in the cache are relative. */
	readonly folder: string;
	readonly files: readonly string[];
	readonly preparation: CachePreparation;
	/** The share of files that may be unreadable. */
	readonly maxBad: number;
	readonly progress?: ((done: number, total: number) => void) | undefined;
}

/** The last part of a cache file. */
interface Footer {
	readonly key: string;
	readonly channels: 1 | 3;
	readonly height: number;
	readonly width: number;
	readonly count: number;
	readonly bad: readonly BadFile[];
}

const signature = "TESSERA-IMAGES-1";
/** Signature, position and length of the index, length of the JSON after it, and the checksum of these two. */
const headerBytes = 64;
/** Images that are decoded at a time. */
const inFlight = 16;
/** Bytes that are written at a time, at least. */
const bufferBytes = 2 ** 22;

/** Found a colour while images were stored with one channel. */
class ColourFound extends Error {}

/**
 * The cache file of a set of images: decoded, scaled and cropped once. A file that exists is used if the images have the same names,
 * sizes and times, and the preparation is the same; otherwise it is made again.
 *
 * @throws DataError if more images than allowed cannot be read, or the cache cannot be written; LimitError if an image is so large
 * that the set cannot be cached
 */
export async function openImageCache(path: string, options: CacheOptions): Promise<ImageCache> {
	const { key, fingerprint } = await identify(options);
	const found = await readCache(path, key, fingerprint);
	if (found !== undefined) {
		checkShare(options, found.bad);
		return found;
	}
	await makeFolder(dirname(path));
	const channels = options.preparation.channels ?? 1;
	try {
		await build(path, key, channels, options);
	} catch (error) {
		if (!(error instanceof ColourFound)) throw error;
		await build(path, key, 3, options);
	}
	const made = await readCache(path, key, fingerprint);
	if (made === undefined) throw new DataError(`"${path}" was written, but is another file now: start again.`);
	return made;
}

/** Identifies images by names and sizes, and for the key by their times and preparation too; not by their contents. */
async function identify({
	folder,
	files,
	preparation,
}: CacheOptions): Promise<{ readonly key: string; readonly fingerprint: string }> {
	const fingerprint = createHash("sha256");
	const hash = createHash("sha256").update(JSON.stringify([signature, preparation]));
	const stats = inOrder(files, inFlight, async (file) => stat(file).catch(() => undefined));
	for await (const [i, found] of stats) {
		const named = JSON.stringify([relative(folder, files[i]), found?.size]);
		fingerprint.update(named);
		hash.update(named).update(String(found?.mtimeMs));
	}
	return { key: hash.digest("hex"), fingerprint: fingerprint.digest("hex") };
}

async function build(path: string, key: string, channels: 1 | 3, options: CacheOptions): Promise<void> {
	const temporary = `${path}.${process.pid}.tmp`;
	let file: FileHandle;
	try {
		file = await open(temporary, "w");
	} catch (error) {
		throw fileError(path, error, "written");
	}
	try {
		await writeImages(file, key, channels, options);
		await file.sync();
		await file.close();
		await rename(temporary, path);
		await syncFolder(dirname(path));
	} catch (error) {
		await file.close().catch(() => undefined);
		await rm(temporary, { force: true }).catch(() => undefined);
		throw error instanceof ColourFound ? error : fileError(path, error, "written");
	}
}

async function writeImages(file: FileHandle, key: string, channels: 1 | 3, options: CacheOptions): Promise<void> {
	const { files, preparation, progress } = options;
	const { background, size, crop } = preparation;
	const origins: number[] = [];
	const sizes: number[] = [];
	const bad: BadFile[] = [];
	let waiting: Uint8Array[] = [];
	let bytes = 0;
	let at = headerBytes;
	const flush = async () => {
		await file.write(Buffer.concat(waiting), 0, undefined, at);
		at += bytes;
		waiting = [];
		bytes = 0;
	};
	const first: { path: string; image: Image }[] = [];
	const decoded = inOrder(files, inFlight, (path) =>
		readImage(path, { background, shorterSide: size }).catch((error: unknown) => badFile(path, error)),
	);
	for await (const [i, result] of decoded) {
		progress?.(i + 1, files.length);
		if ("reason" in result) {
			bad.push(result);
			checkShare(options, bad);
			continue;
		}
		if (preparation.channels === undefined && channels === 1 && result.channels === 3) throw new ColourFound();
		const image = stored(withChannels(result, channels), size, crop);
		first[0] ??= { path: files[i], image };
		const [{ path, image: other }] = first;
		if (size === undefined && (image.width !== other.width || image.height !== other.height)) {
			const reason = `it is ${image.width} × ${image.height}, but "${path}" is ${other.width} × ${other.height}: give --size to scale and crop images to one size`;
			bad.push({ path: files[i], reason });
			checkShare(options, bad);
			continue;
		}
		origins.push(i);
		sizes.push(image.width, image.height);
		waiting.push(image.pixels);
		bytes += image.pixels.length;
		if (bytes >= bufferBytes) await flush();
	}
	await flush();
	const [one] = first;
	if (one === undefined)
		throw new DataError(
			`None of the ${plural(files.length, "image")} in "${options.folder}" can be read. The first one: ${bad[0]?.reason ?? ""}`,
		);
	const footer: Footer = {
		key,
		channels,
		height: size ?? one.image.height,
		width: size ?? one.image.width,
		count: origins.length,
		bad,
	};
	const json = Buffer.from(JSON.stringify(footer));
	const index = Buffer.from(Uint32Array.from([...origins, ...sizes]).buffer);
	await file.write(Buffer.concat([index, json]), 0, undefined, at);
	const header = Buffer.alloc(headerBytes);
	header.write(signature, "latin1");
	header.writeBigUInt64LE(BigInt(at), 16);
	header.writeBigUInt64LE(BigInt(index.length), 24);
	header.writeBigUInt64LE(BigInt(json.length), 32);
	checksumOf(index, json).copy(header, 40);
	await file.write(header, 0, headerBytes, 0);
}

/** The first 24 bytes of SHA-256. */
function checksumOf(...parts: readonly Buffer[]): Buffer {
	const hash = createHash("sha256");
	for (const part of parts) hash.update(part);
	return hash.digest().subarray(0, headerBytes - 40);
}

/** @throws whatever is not about this file */
function badFile(path: string, error: unknown): BadFile {
	if (!(error instanceof TesseraError) || error instanceof MissingPackageError) throw error;
	return { path, reason: error.message };
}

/** @throws DataError if more files than allowed were left out */
function checkShare({ files, maxBad, folder }: CacheOptions, bad: readonly BadFile[]): void {
	if (bad.length <= maxBad * files.length) return;
	const [first] = bad;
	throw new DataError(
		`${plural(bad.length, "file")} of ${files.length.toLocaleString("en-US")} in "${folder}" cannot be used, more than the ${(100 * maxBad).toLocaleString("en-US")} % that --max-bad allows. The first one: ${first.reason}`,
	);
}

/** What is kept of an image: all of it, or the square in its middle. */
function stored(image: Image, size: number | undefined, crop: CachePreparation["crop"]): Image {
	return size === undefined || crop === "random" ? image : cropped(image, size);
}

/** The cache in a file; undefined if it is missing, of another set of images, or not complete. */
async function readCache(path: string, key: string, fingerprint: string): Promise<ImageCache | undefined> {
	const file = await open(path, "r").catch(() => undefined);
	if (file === undefined) return undefined;
	try {
		const { size } = await file.stat();
		const header = await readAt(file, 0, headerBytes);
		if (header.toString("latin1", 0, signature.length) !== signature) return undefined;
		const [at, indexBytes, jsonBytes] = [16, 24, 32].map((offset) => Number(header.readBigUInt64LE(offset)));
		if (at + indexBytes + jsonBytes !== size) return undefined;
		const json = await readAt(file, at + indexBytes, jsonBytes);
		const index = await readAt(file, at, indexBytes);
		if (!checksumOf(index, json).equals(header.subarray(40))) return undefined;
		const footer = JSON.parse(json.toString()) as Footer;
		if (footer.key !== key) return undefined;
		const words = new Uint32Array(index.buffer.slice(index.byteOffset, index.byteOffset + indexBytes));
		const { channels, height, width, count, bad } = footer;
		const [origins, sizes] = [words.subarray(0, count), words.subarray(count)];
		return { path, count, channels, height, width, origins, sizes, bad, fingerprint };
	} catch {
		return undefined; // It is made again.
	} finally {
		await file.close();
	}
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
	const bytes = Buffer.alloc(length);
	const { bytesRead } = await file.read(bytes, 0, length, position);
	if (bytesRead !== length) throw new FormatError("it is truncated");
	return bytes;
}

/** With which byte of a cache file each image begins. */
export function offsetsOf({ count, channels, sizes }: ImageCache): Float64Array {
	const offsets = new Float64Array(count);
	let at = headerBytes;
	for (let i = 0; i < count; i++) {
		offsets[i] = at;
		at += channels * sizes[2 * i] * sizes[2 * i + 1];
	}
	return offsets;
}
