import { deflateSync } from "node:zlib";

/** PNG's own numbers for its colour types. */
export const GREY = 0;
export const RGB = 2;
export const PALETTE = 3;
export const GREY_ALPHA = 4;
export const RGBA = 6;

export interface PngParts {
	readonly width: number;
	readonly height: number;
	readonly depth: number;
	readonly type: number;
	/** The rows as they are stored, packed, without their filter bytes. */
	readonly rows: readonly (readonly number[])[];
	/** Chunks between the header and the data, such as PLTE and tRNS. */
	readonly chunks?: readonly (readonly [name: string, data: readonly number[]])[];
	readonly interlaced?: boolean;
}

/** A PNG file put together by hand, independently of the library under test. */
export function makePng({ width, height, depth, type, rows, chunks = [], interlaced = false }: PngParts): Buffer {
	const header = Buffer.alloc(13);
	header.writeUInt32BE(width, 0);
	header.writeUInt32BE(height, 4);
	header.set([depth, type, 0, 0, interlaced ? 1 : 0], 8);
	return Buffer.concat([
		Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
		chunk("IHDR", header),
		...chunks.map(([name, data]) => chunk(name, Buffer.from(data))),
		chunk("IDAT", deflateSync(Buffer.from(rows.flatMap((row) => [0, ...row])))),
		chunk("IEND", Buffer.alloc(0)),
	]);
}

/** A chunk with its length and checksum. */
export function chunk(name: string, data: Uint8Array): Buffer {
	const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
	const framed = Buffer.alloc(body.length + 8);
	framed.writeUInt32BE(data.length, 0);
	body.copy(framed, 4);
	framed.writeUInt32BE(crc32(body), body.length + 4);
	return framed;
}

function crc32(bytes: Buffer): number {
	let crc = 0xffffffff;
	for (const byte of bytes) {
		crc ^= byte;
		for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
	}
	return (crc ^ 0xffffffff) >>> 0;
}
