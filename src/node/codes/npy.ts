import { rm } from "node:fs/promises";
import { FormatError } from "../../base/errors.js";
import { type Announced, type CodeBatch, type CodeReader, type CodeWriter, gridOfShape } from "./code_set.js";
import { NewFile } from "./new_file.js";
import { OldFile } from "./old_file.js";
import { readSidecar, type Sidecar, sidecarOf, writeSidecar } from "./sidecar.js";

/** How many bytes a header of version 1 takes, for all shapes of codes. */
const headerBytes = 128;
const magic = "\x93NUMPY";
/** A header is a few dozen bytes of text; NumPy itself reads no more than this. */
const mostHeaderBytes = 10_000;

/** How values of a dtype are read. */
const dtypes: Readonly<Record<string, { readonly bytes: number; readonly read: (b: DataView, at: number) => number }>> =
	{
		"|u1": { bytes: 1, read: (view, at) => view.getUint8(at) },
		"<u2": { bytes: 2, read: (view, at) => view.getUint16(at, true) },
		"<u4": { bytes: 4, read: (view, at) => view.getUint32(at, true) },
		"<u8": { bytes: 8, read: (view, at) => Number(view.getBigUint64(at, true)) },
		"|i1": { bytes: 1, read: (view, at) => view.getInt8(at) },
		"<i2": { bytes: 2, read: (view, at) => view.getInt16(at, true) },
		"<i4": { bytes: 4, read: (view, at) => view.getInt32(at, true) },
		"<i8": { bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
	};

/** NumPy's format (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), version 1.0. */
export function npyHeader(descr: string, shape: readonly number[]): Uint8Array {
	const dictionary = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(", ")}${shape.length === 1 ? "," : ""}), }`;
	const bytes = Buffer.alloc(headerBytes, " ");
	bytes.write(magic, 0, "latin1");
	bytes.writeUInt16LE(1, 6); // version 1.0, the minor number in the second byte
	bytes.writeUInt16LE(headerBytes - 10, 8);
	bytes.write(dictionary, 10, "latin1");
	bytes[headerBytes - 1] = 10;
	return bytes;
}

/** What a header says. */
interface NpyHeader {
	readonly descr: string;
	readonly shape: readonly number[];
	/** Where the values begin, in bytes. */
	readonly dataStart: number;
}

/**
 * Reads a header of version 1, 2 or 3.
 *
 * @param start the first 12 bytes of a file and as many of the header as it has
 * @throws FormatError, without the file's name
 */
export function readNpyHeader(start: Buffer): NpyHeader {
	if (start.length < 12 || start.toString("latin1", 0, 6) !== magic)
		throw new FormatError("it is not a .npy file: it does not start with \\x93NUMPY");
	const version = start[6];
	if (version < 1 || version > 3) throw new FormatError(`it is a .npy file of version ${version}; 1 to 3 are read`);
	const from = version === 1 ? 10 : 12;
	const length = version === 1 ? start.readUInt16LE(8) : start.readUInt32LE(8);
	if (length > mostHeaderBytes) throw new FormatError(`its header claims ${length} bytes`);
	if (start.length < from + length) throw new FormatError("it is truncated in its header");
	const text = start.toString("latin1", from, from + length);
	const [, descr] = /'descr'\s*:\s*'([^']*)'/.exec(text) ?? [];
	const [, fortran] = /'fortran_order'\s*:\s*(True|False)/.exec(text) ?? [];
	const [, sizes] = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(text) ?? [];
	if (descr === undefined || fortran === undefined || sizes === undefined)
		throw new FormatError(`its header is not that of an array: ${JSON.stringify(text.trim())}`);
	if (fortran === "True")
		throw new FormatError("its values are in Fortran order: save numpy.ascontiguousarray(codes) instead");
	const shape = sizes.split(",").filter((size) => size.trim() !== "");
	return { descr, shape: shape.map(Number), dataStart: from + length };
}

/** Writes uint16 [N, h, w] or [N, h, w, levels], uint32 if there are more than 65,536 codes, and a sidecar. */
export async function writeNpy(path: string, { info, hasLabels }: Announced): Promise<CodeWriter> {
	const { height, width, levels, codes } = info;
	const descr = codes <= 2 ** 16 ? "<u2" : "<u4";
	const shapeOf = (count: number) => [count, height, width, ...(levels > 1 ? [levels] : [])];
	const file = await NewFile.create(path);
	await file.append(npyHeader(descr, shapeOf(0)));
	const names: string[] = [];
	const labels: number[] = [];
	return {
		async append({ codes, names: own, labels: ofImages }) {
			await file.append(littleEndian(codes, descr === "<u2" ? 2 : 4));
			for (const name of own ?? []) names.push(name);
			for (const label of ofImages ?? []) labels.push(label);
		},
		async finish() {
			await file.write(npyHeader(descr, shapeOf(names.length)), 0);
			// An old sidecar must not describe the new file.
			await rm(sidecarOf(path), { force: true }).catch(() => undefined);
			await file.finish();
			await writeSidecar(path, { info, names, labels: hasLabels ? labels : undefined });
		},
		discard: () => file.discard(),
	};
}

/** @throws FormatError naming the file, DataError if it cannot be read */
export async function openNpy(path: string): Promise<CodeReader> {
	const file = await OldFile.open(path);
	try {
		const { descr, shape, dataStart } = readNpyHeader(await file.upTo(0, 12 + mostHeaderBytes));
		const dtype = dtypes[descr];
		if (dtype === undefined)
			throw new FormatError(
				`its values are ${descr}, not integers in little-endian order: save codes.astype("<u4") instead`,
			);
		const grid = gridOfShape(shape);
		const [count] = shape;
		const size = grid.height * grid.width * grid.levels;
		const [wanted, held] = [count * size * dtype.bytes, file.size - dataStart];
		if (held !== wanted)
			throw new FormatError(
				`its shape [${shape.join(", ")}] of ${descr} takes ${wanted} bytes, but it has ${held}${held < wanted ? ": it is truncated" : ""}`,
			);
		const sidecar = await readSidecar(path, count);
		return {
			info: { ...sidecar?.info, ...grid },
			count,
			read: (together) => readValues(file, { count, size, dataStart, dtype, sidecar }, together),
			close: () => file.close(),
		};
	} catch (cause) {
		await file.close();
		if (!(cause instanceof FormatError) || cause.message.startsWith('"')) throw cause;
		throw new FormatError(`"${path}": ${cause.message}.`, { cause });
	}
}

interface Contents {
	readonly count: number;
	/** Codes per image. */
	readonly size: number;
	readonly dataStart: number;
	readonly dtype: (typeof dtypes)[string];
	readonly sidecar: Sidecar | undefined;
}

async function* readValues(
	file: OldFile,
	{ count, size, dataStart, dtype, sidecar }: Contents,
	together: number,
): AsyncGenerator<CodeBatch, void, undefined> {
	for (let first = 0; first < count; first += together) {
		const end = Math.min(count, first + together);
		const bytes = await file.upTo(dataStart + first * size * dtype.bytes, (end - first) * size * dtype.bytes);
		const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
		const codes = new Uint32Array((end - first) * size);
		for (let i = 0; i < codes.length; i++) codes[i] = asCode(dtype.read(view, i * dtype.bytes));
		yield {
			count: end - first,
			codes,
			names: sidecar?.names?.slice(first, end),
			labels: sidecar?.labels?.slice(first, end),
		};
	}
}

/** A number that no codebook has stands for those that do not fit 32 bits. */
export const noCode = 2 ** 32 - 1;

/** A value of a file as a code, which is checked against the codebook later. */
export function asCode(value: number): number {
	return Number.isInteger(value) && value >= 0 && value < noCode ? value : noCode;
}

/** @returns the values with 2 or 4 bytes each, the least significant first */
export function littleEndian(values: Uint32Array, bytesEach: 2 | 4): Uint8Array {
	const bytes = new Uint8Array(values.length * bytesEach);
	const view = new DataView(bytes.buffer);
	if (bytesEach === 2) for (let i = 0; i < values.length; i++) view.setUint16(2 * i, values[i], true);
	else for (let i = 0; i < values.length; i++) view.setUint32(4 * i, values[i], true);
	return bytes;
}
