import { checkBytes } from "../gpu/arguments.js";
import { FormatError } from "../gpu/errors.js";

/** The IDX format's codes for its value types (http://yann.lecun.com/exdb/mnist/). */
const TYPE_NAMES: Readonly<Record<number, string>> = {
	8: "unsigned byte",
	9: "signed byte",
	11: "short",
	12: "int",
	13: "float",
	14: "double",
};

/**
 * Reads an IDX file of unsigned bytes, the format of MNIST: two zero bytes, the type, the number of dimensions, each
 * dimension as a big-endian 32-bit integer, then the values in row-major order. `data` is a view into `bytes`.
 * @throws FormatError when it is not IDX, is of another type, or holds fewer or more values than its shape says.
 */
export function parseIdx(file: Uint8Array | ArrayBuffer): { shape: number[]; data: Uint8Array } {
	const bytes = checkBytes("parseIdx", "bytes", file);
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
	const count = shape.reduce((product, size) => product * size, 1);
	const data = bytes.subarray(headerBytes);
	if (data.length !== count) {
		const trouble = data.length < count ? "truncated IDX file" : "IDX file with bytes to spare";
		throw new FormatError(`${trouble}: shape [${shape.join(", ")}] has ${count} values, it holds ${data.length}`);
	}
	return { shape, data };
}

/**
 * Unpacks gzip, recognised by its first two bytes; anything else comes back as it is.
 * @throws FormatError when the gzip stream is truncated or corrupt.
 */
export async function gunzipIfNeeded(file: Uint8Array | ArrayBuffer): Promise<Uint8Array> {
	const bytes = checkBytes("gunzipIfNeeded", "bytes", file);
	if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
	try {
		const unpacked = new Blob([bytes.slice()]).stream().pipeThrough(new DecompressionStream("gzip"));
		return new Uint8Array(await new Response(unpacked).arrayBuffer());
	} catch (cause) {
		const reason = cause instanceof Error ? cause.message : String(cause);
		throw new FormatError(`truncated or corrupt gzip file (${reason})`, { cause });
	}
}
