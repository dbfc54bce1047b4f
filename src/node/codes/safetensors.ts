import { FormatError, LimitError } from "../../base/errors.js";
import { readSafetensorsHeader, type SafetensorsEntry, safetensorsHeaderBytes } from "../../io/safetensors.js";
import {
	type Announced,
	type CodeBatch,
	type CodeReader,
	type CodeWriter,
	type CompleteInfo,
	checkInfo,
	checkTexts,
	gridOfShape,
} from "./code_set.js";
import { NewFile } from "./new_file.js";
import { asCode, littleEndian } from "./npy.js";
import { OldFile } from "./old_file.js";

/** The format's limit for the header, in bytes. */
const mostHeaderBytes = 100_000_000;
const format = "tessera-codes-1";

/**
 * Writes a tensor `codes`, uint32 [N, h, w] or [N, h, w, levels], and `labels`, uint32 [N], if there are classes. The header has room
 * for all names; it is written again at the end, when it is known which images were left out.
 */
export async function writeSafetensors(path: string, { info, names: all, hasLabels }: Announced): Promise<CodeWriter> {
	const start = header(info, all, all.length, hasLabels, undefined);
	if (start.length - 8 > mostHeaderBytes)
		throw new LimitError(
			`"${path}": the names of ${all.length} images do not fit the header of a safetensors file, which has at most 100 MB: write a .jsonl file, or several files with --shard.`,
		);
	const file = await NewFile.create(path);
	await file.append(start);
	const names: string[] = [];
	const labels: number[] = [];
	return {
		async append({ codes, names: own, labels: ofImages }) {
			await file.append(littleEndian(codes, 4));
			for (const name of own ?? []) names.push(name);
			for (const label of ofImages ?? []) labels.push(label);
		},
		async finish() {
			if (hasLabels) await file.append(littleEndian(Uint32Array.from(labels), 4));
			await file.write(header(info, names, names.length, hasLabels, start.length), 0);
			await file.finish();
		},
		discard: () => file.discard(),
	};
}

/** @param length of the header with its 8 first bytes; undefined: as short as possible */
function header(
	info: CompleteInfo,
	names: readonly string[],
	count: number,
	hasLabels: boolean,
	length: number | undefined,
): Uint8Array {
	const { height, width, levels, classes, ...more } = info;
	const end = 4 * count * height * width * levels;
	const metadata: Record<string, string> = {
		format,
		height: String(height),
		width: String(width),
		levels: String(levels),
	};
	for (const [name, value] of Object.entries(more)) if (value !== undefined) metadata[name] = String(value);
	if (classes !== undefined) metadata.classes = JSON.stringify(classes);
	metadata.names = JSON.stringify(names);
	const shape = [count, height, width, ...(levels > 1 ? [levels] : [])];
	const fields = {
		__metadata__: metadata,
		codes: { dtype: "U32", shape, data_offsets: [0, end] },
		...(hasLabels ? { labels: { dtype: "U32", shape: [count], data_offsets: [end, end + 4 * count] } } : {}),
	};
	const text = Buffer.from(JSON.stringify(fields));
	const bytes = Buffer.alloc(length ?? 8 + 8 * Math.ceil(text.length / 8), " ");
	bytes.writeBigUInt64LE(BigInt(bytes.length - 8));
	text.copy(bytes, 8);
	return bytes;
}

/** @throws FormatError naming the file, DataError if it cannot be read */
export async function openSafetensors(path: string): Promise<CodeReader> {
	const file = await OldFile.open(path);
	try {
		return await openFile(file);
	} catch (cause) {
		await file.close();
		if (!(cause instanceof FormatError) || cause.message.startsWith('"')) throw cause;
		throw new FormatError(`"${path}": ${cause.message}.`, { cause });
	}
}

/** How values of a dtype are read. */
const dtypes: Readonly<Record<string, { readonly bytes: number; readonly read: (b: DataView, at: number) => number }>> =
	{
		U32: { bytes: 4, read: (view, at) => view.getUint32(at, true) },
		I32: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
		I64: { bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
	};

/** A tensor of integers in a file. */
interface IntegerTensor {
	readonly dtype: (typeof dtypes)[string];
	readonly shape: readonly number[];
	/** Position in the file, in bytes. */
	readonly start: number;
}

async function openFile(file: OldFile): Promise<CodeReader> {
	const length = safetensorsHeaderBytes(await file.upTo(0, 8), file.size);
	const { entries, metadata, dataStart } = readSafetensorsHeader(await file.upTo(0, length), file.size);
	const codes = integers(entries, dataStart, "codes");
	if (codes === undefined)
		throw new FormatError(
			`it has no tensor "codes", which \`tessera encode\` writes; it has ${entries.map(({ name }) => `"${name}"`).join(", ") || "none"}`,
		);
	const { shape } = codes;
	const grid = gridOfShape(shape);
	const [count] = shape;
	const { names, classes, ...texts } = metadata;
	const said = checkInfo({
		...numbered(texts),
		classes: classes === undefined ? undefined : parsed("classes", classes),
	});
	for (const name of ["height", "width", "levels"] as const)
		if (said[name] !== undefined && said[name] !== grid[name])
			throw new FormatError(
				`its metadata says ${name} ${said[name]}, but its codes have the shape [${shape.join(", ")}]`,
			);
	const listed = names === undefined ? undefined : checkTexts("names", parsed("names", names), count);
	const labels = integers(entries, dataStart, "labels");
	if (labels !== undefined && (labels.shape.length !== 1 || labels.shape[0] !== count))
		throw new FormatError(`its labels have the shape [${labels.shape.join(", ")}], not [${count}]`);
	return {
		info: { ...said, ...grid },
		count,
		read: (together) =>
			readTensors(
				file,
				{ count, size: grid.height * grid.width * grid.levels, codes, labels, names: listed },
				together,
			),
		close: () => file.close(),
	};
}

function parsed(name: string, text: string): unknown {
	try {
		return JSON.parse(text);
	} catch (cause) {
		throw new FormatError(`its ${name} are not JSON`, { cause });
	}
}

/** Texts that are numbers as numbers. */
function numbered(texts: Readonly<Record<string, string>>): Record<string, unknown> {
	return Object.fromEntries(
		Object.entries(texts).map(([name, text]) => [name, /^\d{1,15}$/.test(text) && !isText(name) ? Number(text) : text]),
	);
}

function isText(name: string): boolean {
	return name === "codebook" || name === "model" || name === "shard";
}

function integers(entries: readonly SafetensorsEntry[], dataStart: number, wanted: string): IntegerTensor | undefined {
	const entry = entries.find(({ name }) => name === wanted);
	if (entry === undefined) return undefined;
	const dtype = dtypes[entry.dtype];
	if (dtype === undefined)
		throw new FormatError(`its tensor "${wanted}" is ${entry.dtype}; ${Object.keys(dtypes).join(", ")} are read`);
	return { dtype, shape: entry.shape, start: dataStart + entry.begin };
}

interface Contents {
	readonly count: number;
	/** Codes per image. */
	readonly size: number;
	readonly codes: IntegerTensor;
	readonly labels: IntegerTensor | undefined;
	readonly names: readonly string[] | undefined;
}

async function* readTensors(
	file: OldFile,
	{ count, size, codes, labels, names }: Contents,
	together: number,
): AsyncGenerator<CodeBatch, void, undefined> {
	const values = async ({ dtype, start }: IntegerTensor, first: number, end: number): Promise<Uint32Array> => {
		const bytes = await file.upTo(start + first * dtype.bytes, (end - first) * dtype.bytes);
		const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
		return Uint32Array.from({ length: end - first }, (_, i) => asCode(dtype.read(view, i * dtype.bytes)));
	};
	for (let first = 0; first < count; first += together) {
		const end = Math.min(count, first + together);
		yield {
			count: end - first,
			codes: await values(codes, first * size, end * size),
			names: names?.slice(first, end),
			labels: labels && Array.from(await values(labels, first, end)),
		};
	}
}
