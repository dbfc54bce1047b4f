import { checkBytes, checkNumber } from "../base/arguments.js";
import { FormatError } from "../base/errors.js";
import { gunzip } from "./gzip.js";

/** The IDX format's codes for its value types (http://yann.lecun.com/exdb/mnist/). */
const TYPE_NAMES: Readonly<Record<number, string>> = {
	8: "unsigned byte",
	9: "signed byte",
	11: "short",
	12: "int",
	13: "float",
	14: "double",
};

/** Values of a file at most: 2 GiB, which is more than any device binds. */
const MOST_VALUES = 2 ** 31;
/** Bytes that deflate packs into one, at most. */
const MOST_PACKED = 1032;

/**
 * Reads an IDX file of unsigned bytes, the format of MNIST: two zero bytes, the type, the number of dimensions, each
 * dimension as a big-endian 32-bit integer, then the values in row-major order.
 *
 * @param file the bytes of the file, not compressed with gzip
 * @returns the shape, and the values (uint8) as a view of `file`
 * @throws FormatError if it is not IDX, has another type, or has fewer or more values than its shape says
 * @example
 * const { shape, data } = parseIdx(await gunzipIfNeeded(bytes)); // [60000, 28, 28]
 */
export function parseIdx(file: Uint8Array | ArrayBuffer): { shape: number[]; data: Uint8Array } {
	const bytes = checkBytes("parseIdx", "bytes", file);
	const { shape, headerBytes, count } = readIdxHeader(bytes);
	const data = bytes.subarray(headerBytes);
	if (data.length !== count) throw wrongLength(shape, count, data.length);
	return { shape, data };
}

function wrongLength(shape: readonly number[], count: number, held: number): FormatError {
	const trouble = held < count ? "truncated IDX file" : "IDX file with bytes to spare";
	return new FormatError(`${trouble}: shape [${shape.join(", ")}] has ${count} values, it holds ${held}`);
}

/** @param bytes the start of a file */
export function readIdxHeader(bytes: Uint8Array): { shape: number[]; headerBytes: number; count: number } {
	const [zero, alsoZero, type, rank] = bytes;
	if (bytes.length < 4 || zero !== 0 || alsoZero !== 0 || TYPE_NAMES[type] === undefined) {
		throw new FormatError("not an IDX file: it does not start with 0, 0 and a type");
	}
	if (type !== 8)
		throw new FormatError(`IDX file of type ${TYPE_NAMES[type]} (${type}): only unsigned byte (8) is read`);
	if (rank === 0) throw new FormatError("IDX file without dimensions");
	const headerBytes = 4 + 4 * rank;
	if (bytes.length < headerBytes) {
		throw new FormatError(
			`truncated IDX file: ${rank} dimensions take a header of ${headerBytes} bytes, it has ${bytes.length}`,
		);
	}
	const view = new DataView(bytes.buffer, bytes.byteOffset);
	const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
	return { shape, headerBytes, count: shape.reduce((product, size) => product * size, 1) };
}

/**
 * Reads an IDX file that may be packed by gzip. A packed file is unpacked no further than its IDX header says.
 *
 * @throws FormatError as `parseIdx` and `gunzipIfNeeded`, and if the file has more than 2³¹ values
 */
export function readIdx(bytes: Uint8Array): ReturnType<typeof parseIdx> {
	if (!isGzip(bytes)) return parseIdx(bytes);
	return parseIdx(
		gunzip(bytes, (start) => {
			const { shape, headerBytes, count } = readIdxHeader(start);
			const whole = headerBytes + count;
			if (whole <= start.length)
				throw new FormatError(
					`IDX file with bytes to spare: shape [${shape.join(", ")}] has ${count} values, it holds more`,
				);
			if (count > MOST_VALUES)
				throw new FormatError(
					`IDX file of shape [${shape.join(", ")}]: ${count} values, but at most ${MOST_VALUES} are read`,
				);
			if (whole > MOST_PACKED * bytes.length) throw wrongLength(shape, count, start.length - headerBytes);
			return whole;
		}),
	);
}

/**
 * Unpacks gzip, recognised by its first two bytes; other data is returned as it is. A file may have several members, one
 * after the other, and zeros after the last.
 *
 * @param most bytes that it may unpack to (default 2 GiB)
 * @throws FormatError if the gzip file is truncated or corrupt, or unpacks to more
 */
export async function gunzipIfNeeded(file: Uint8Array | ArrayBuffer, most = MOST_VALUES): Promise<Uint8Array> {
	const bytes = checkBytes("gunzipIfNeeded", "bytes", file);
	checkNumber("gunzipIfNeeded", "most", most, { least: 0, whole: true });
	if (!isGzip(bytes)) return bytes;
	return gunzip(bytes, (start) => Math.min(most, 2 * start.length), Math.min(most, 2 ** 15));
}

function isGzip(bytes: Uint8Array): boolean {
	return bytes[0] === 0x1f && bytes[1] === 0x8b;
}
