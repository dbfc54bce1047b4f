import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { createGunzip } from "node:zlib";
import { FormatError } from "../../base/errors.js";
import { readIdx, readIdxHeader } from "../../data/idx.js";
import { fileError, readFileIfThere } from "../files.js";
import type { Image } from "./read_image.js";

/** Bytes that deflate packs into one, at most. */
const mostPacked = 1032;
/** The longest header of images: [count, height, width]. */
const headerBytes = 16;

/** Images that are read together. */
const imagesTogether = 128;

/** Images of an IDX file that follow each other. */
export interface IdxImages extends Image {
	readonly count: number;
	/** uint8 [count, 1, height, width] */
	readonly pixels: Uint8Array;
}

/** A file of images in MNIST's format, raw or compressed by gzip, that is read in order. */
export interface IdxFile {
	readonly count: number;
	/** [count], from the file of labels next to it, if there is one. */
	readonly labels: Uint8Array | undefined;
	/**
	 * The images from `first` (inclusive) to `end` (exclusive), some at a time.
	 *
	 * @throws FormatError if the file is truncated or too long
	 */
	read(first: number, end: number): AsyncGenerator<IdxImages, void, undefined>;
}

/** Whether a file has the name of an IDX file of images. */
export function isIdxName(path: string): boolean {
	return /idx3-ubyte(\.gz)?$/.test(path);
}

/** @throws FormatError naming the file if it is no such file, DataError if it cannot be read */
export async function openIdxFile(path: string): Promise<IdxFile> {
	try {
		const { size } = await stat(path);
		const { shape, isPacked } = await headerOf(path);
		if (shape.length !== 3) throw new FormatError(`its shape is [${shape.join(", ")}], not [count, height, width]`);
		const [count, height, width] = shape;
		const values = count * height * width;
		// Nothing is allocated by a count that the file's size does not justify.
		if (isPacked ? values > mostPacked * size : headerBytes + values !== size)
			throw new FormatError(
				`its shape [${shape.join(", ")}] does not fit its ${size} bytes: it is truncated or corrupt`,
			);
		return {
			count,
			labels: await labelsOf(path, count),
			read: (first, end) => readImages(path, { count, height, width }, first, end),
		};
	} catch (error) {
		throw named(path, error);
	}
}

/** @throws FormatError naming the file, instead of one that does not; DataError */
function named(path: string, error: unknown): unknown {
	if (!(error instanceof FormatError)) {
		const code = error instanceof Error && "code" in error ? String(error.code) : "";
		if (code.startsWith("Z_"))
			return new FormatError(`"${path}": its gzip data are truncated or corrupt.`, { cause: error });
		return fileError(path, error, "read");
	}
	return error.message.startsWith('"') ? error : new FormatError(`"${path}": ${error.message}.`, { cause: error });
}

async function headerOf(path: string): Promise<{ readonly shape: readonly number[]; readonly isPacked: boolean }> {
	for await (const part of createReadStream(path, { end: 1 })) {
		const isPacked = part[0] === 0x1f && part[1] === 0x8b;
		let start = Buffer.alloc(0);
		for await (const bytes of contents(path, isPacked)) {
			start = Buffer.concat([start, bytes]);
			if (start.length >= headerBytes) break;
		}
		return { shape: readIdxHeader(start.subarray(0, headerBytes)).shape, isPacked };
	}
	throw new FormatError("it is empty");
}

/** The bytes of a file, unpacked. */
async function* contents(path: string, isPacked: boolean): AsyncGenerator<Buffer, void, undefined> {
	const file = createReadStream(path, { highWaterMark: 2 ** 16 });
	if (!isPacked) {
		yield* file;
		return;
	}
	const unpacked = createGunzip({ chunkSize: 2 ** 16 });
	file.on("error", (error) => unpacked.destroy(error));
	try {
		yield* file.pipe(unpacked);
	} finally {
		file.destroy();
		unpacked.destroy();
	}
}

async function* readImages(
	path: string,
	{ count, height, width }: { readonly count: number; readonly height: number; readonly width: number },
	first: number,
	end: number,
): AsyncGenerator<IdxImages, void, undefined> {
	const size = height * width;
	const { isPacked } = await headerOf(path);
	// Positions in the file, without its header, in bytes.
	let position = -headerBytes;
	let start = first * size;
	let slab = new Uint8Array(size * Math.min(imagesTogether, end - first));
	try {
		for await (const part of contents(path, isPacked)) {
			let at = Math.max(0, Math.min(part.length, start - position));
			while (at < part.length && start < end * size) {
				const held = position + at - start;
				const taken = Math.min(slab.length - held, part.length - at);
				slab.set(part.subarray(at, at + taken), held);
				at += taken;
				if (held + taken < slab.length) break;
				yield { count: slab.length / size, channels: 1, height, width, pixels: slab };
				start += slab.length;
				slab = new Uint8Array(Math.min(slab.length, end * size - start));
			}
			position += part.length;
			if (position > count * size) throw new FormatError(`it has more than the ${count} images that its header says`);
			if (start === end * size && end < count) return;
		}
		if (start < end * size)
			throw new FormatError(`it ends after ${Math.floor(position / size)} of ${count} images: it is truncated`);
	} catch (error) {
		throw named(path, error);
	}
}

/** The labels in the file next to that of the images, as MNIST names it. */
async function labelsOf(path: string, count: number): Promise<Uint8Array | undefined> {
	const name = basename(path).replace("images", "labels").replace("idx3", "idx1");
	if (name === basename(path)) return undefined;
	const plain = name.replace(/\.gz$/, "");
	for (const file of [name, plain, `${plain}.gz`]) {
		const labelsPath = join(dirname(path), file);
		if (labelsPath === path) continue;
		const bytes = await readFileIfThere(labelsPath);
		if (bytes === undefined) continue;
		try {
			const { shape, data } = readIdx(bytes);
			if (shape.length === 1 && data.length === count) return data;
			throw new FormatError(`its shape is [${shape.join(", ")}], but there are ${count} images`);
		} catch (error) {
			throw named(labelsPath, error);
		}
	}
	return undefined;
}
