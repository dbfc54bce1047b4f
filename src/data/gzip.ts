import { FormatError } from "../base/errors.js";
import { inflate, type Output } from "./inflate.js";

/** FHCRC, FEXTRA, FNAME and FCOMMENT of RFC 1952; the other bits but FTEXT are reserved. */
const HEADER_CRC = 2;
const EXTRA = 4;
const NAME = 8;
const COMMENT = 16;
const RESERVED = 0xe0;

let crcTable: Uint32Array | undefined;

/** CRC-32 of each byte. */
function crcsOfBytes(): Uint32Array {
	return Uint32Array.from({ length: 256 }, (_, byte) => {
		let crc = byte;
		for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
		return crc;
	});
}

/**
 * Unpacks a gzip file (RFC 1952) of one or more members, zeros after the last one ignored. `DecompressionStream` is not
 * used: runtimes disagree on members after the first and on padding, and it has no bound on its output.
 *
 * @param capacity is called with the bytes unpacked so far when the output is full, and returns how many bytes it may
 * become in all. It refuses the file by throwing, or by returning no more than it was given
 * @param first bytes that are unpacked before `capacity` is called
 * @throws FormatError if the file is truncated, corrupt, or unpacks to more than `capacity` allows
 */
export function gunzip(bytes: Uint8Array, capacity: (start: Uint8Array) => number, first = 2 ** 15): Uint8Array {
	const output: Output = {
		bytes: new Uint8Array(first),
		length: 0,
		grow() {
			const most = capacity(this.bytes);
			if (most <= this.bytes.length) throw new FormatError(`gzip file that unpacks to more than ${most} bytes`);
			const larger = new Uint8Array(most);
			larger.set(this.bytes);
			this.bytes = larger;
		},
	};
	let at = 0;
	while (at < bytes.length && (at === 0 || bytes.subarray(at).some((byte) => byte !== 0)))
		at = readMember(bytes, at, output);
	return output.bytes.subarray(0, output.length);
}

/** Unpacks the member that starts at `at`, and returns the position of its end. */
function readMember(bytes: Uint8Array, at: number, output: Output): number {
	const start = output.length;
	const end = inflate(bytes, skipHeader(bytes, at), output);
	if (end + 8 > bytes.length) throw new FormatError("truncated or corrupt gzip file: it ends before its checksum");
	const trailer = new DataView(bytes.buffer, bytes.byteOffset + end);
	const unpacked = output.bytes.subarray(start, output.length);
	if (trailer.getUint32(0, true) !== crc32(unpacked) || trailer.getUint32(4, true) !== unpacked.length % 2 ** 32)
		throw new FormatError("truncated or corrupt gzip file: its checksum or length is wrong");
	return end + 8;
}

function skipHeader(bytes: Uint8Array, start: number): number {
	const [magic, moreMagic, method, flags] = bytes.subarray(start, start + 4);
	if (magic !== 0x1f || moreMagic !== 0x8b)
		throw new FormatError(`truncated or corrupt gzip file: ${bytes.length - start} bytes after its end are not gzip`);
	if (method !== 8 || (flags & RESERVED) !== 0)
		throw new FormatError("truncated or corrupt gzip file: its header is not that of a deflated file");
	let at = start + 10;
	if (flags & EXTRA) at += 2 + bytes[at] + 256 * bytes[at + 1];
	for (const text of [NAME, COMMENT]) if (flags & text) at = bytes.indexOf(0, at) + 1 || bytes.length;
	if (flags & HEADER_CRC) at += 2;
	return at;
}

function crc32(bytes: Uint8Array): number {
	let crc = -1;
	crcTable ??= crcsOfBytes();
	for (let i = 0; i < bytes.length; i++) crc = crcTable[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
	return ~crc >>> 0;
}
