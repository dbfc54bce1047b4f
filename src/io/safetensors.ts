import { checkBytes } from "../base/arguments.js";
import { ArgumentError, DTypeError, FormatError, ShapeError } from "../base/errors.js";

/** A tensor in host memory, as in a safetensors file. */
export interface HostTensor {
	readonly dtype: "float32" | "int32" | "uint32";
	/** Row-major; `[]` is a scalar. */
	readonly shape: readonly number[];
	readonly data: Float32Array | Int32Array | Uint32Array;
}

/** The format's limit for the header, in bytes. */
const MAX_HEADER_BYTES = 100_000_000;
const METADATA = "__metadata__";
/** Bytes of a value, for each dtype that can be loaded. */
const DTYPE_BYTES = new Map([
	["F32", 4],
	["I32", 4],
	["U32", 4],
	["F16", 2],
	["BF16", 2],
	["F64", 8],
	["I64", 8],
]);
const WRITTEN_DTYPE = { float32: "F32", int32: "I32", uint32: "U32" } as const;
const ARRAY_TYPE = { float32: Float32Array, int32: Int32Array, uint32: Uint32Array } as const;

/** What the header of a safetensors file says of a tensor. */
export interface SafetensorsEntry {
	readonly name: string;
	readonly dtype: string;
	readonly shape: readonly number[];
	/** Byte offsets into the data section, end exclusive. */
	readonly begin: number;
	readonly end: number;
}

/** The header of a safetensors file. */
export interface SafetensorsHeader {
	readonly entries: readonly SafetensorsEntry[];
	readonly metadata: Record<string, string>;
	/** Position of the data section in the file, in bytes. */
	readonly dataStart: number;
}

/**
 * Reads the tensors of a safetensors file (https://huggingface.co/docs/safetensors), in the header's order. F32, I32
 * and U32 are read as they are; F16, BF16 and F64 become float32, I64 becomes int32. The arrays are copies: the file's
 * bytes can be freed, and its data section need not be aligned. The dictionary has no prototype, so any name is safe in
 * it.
 *
 * @param file the bytes of the file
 * @returns the tensors by name, in host memory
 * @throws FormatError naming the tensor, if the file is truncated or too long, its header does not follow the format, a
 * name occurs twice, offsets overlap or leave a gap, a shape does not match its bytes, a dtype is none of those above,
 * or a 64-bit value does not fit 32 bits
 * @example
 * model.loadStateDict(loadSafetensors(await readFile("model.safetensors")));
 */
export function loadSafetensors(file: Uint8Array | ArrayBuffer): Record<string, HostTensor> {
	const bytes = checkBytes("loadSafetensors", "bytes", file);
	const { entries, dataStart } = readSafetensorsHeader(bytes, bytes.length);
	const dict: Record<string, HostTensor> = Object.create(null);
	for (const entry of entries) {
		const view = new DataView(bytes.buffer, bytes.byteOffset + dataStart + entry.begin, entry.end - entry.begin);
		dict[entry.name] = { shape: entry.shape, ...readValues(entry, view) };
	}
	return dict;
}

/**
 * Reads the `__metadata__` of a safetensors file; an empty dictionary (without prototype) if it has none.
 *
 * @param file the bytes of the file
 * @throws FormatError if the file's header or its offsets are not valid, as `loadSafetensors`
 */
export function loadSafetensorsMetadata(file: Uint8Array | ArrayBuffer): Record<string, string> {
	const bytes = checkBytes("loadSafetensorsMetadata", "bytes", file);
	return readSafetensorsHeader(bytes, bytes.length).metadata;
}

/**
 * Writes tensors as a safetensors file: little-endian, the data in the dictionary's order without gaps, the header
 * padded with spaces to a multiple of 8 bytes. The same dictionary gives the same bytes.
 *
 * @throws ArgumentError if a tensor is called `__metadata__` or the header would exceed 100 MB, DTypeError if a tensor's
 * array does not have its dtype, ShapeError if its shape does not have as many elements as its array
 */
export function encodeSafetensors(dict: Record<string, HostTensor>, metadata?: Record<string, string>): Uint8Array {
	const fields: string[] = [];
	for (const [key, value] of Object.entries(metadata ?? {}))
		if (typeof value !== "string")
			throw new ArgumentError(`safetensors metadata must be strings, but ${key} is ${typeof value}`);
	if (metadata !== undefined) fields.push(`${JSON.stringify(METADATA)}:${JSON.stringify(metadata)}`);
	const tensors = Object.entries(dict);
	let length = 0;
	for (const [name, tensor] of tensors) {
		checkWritable(name, tensor);
		const end = length + tensor.data.length * 4;
		const entry = { dtype: WRITTEN_DTYPE[tensor.dtype], shape: tensor.shape, data_offsets: [length, end] };
		fields.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
		length = end;
	}
	const header = new TextEncoder().encode(`{${fields.join(",")}}`);
	const headerBytes = Math.ceil(header.length / 8) * 8;
	if (headerBytes > MAX_HEADER_BYTES) {
		throw new ArgumentError(`the safetensors header would take ${headerBytes} bytes; the format allows 100 MB`);
	}
	const bytes = new Uint8Array(8 + headerBytes + length);
	bytes.set(header, 8);
	bytes.fill(0x20, 8 + header.length, 8 + headerBytes);
	const view = new DataView(bytes.buffer);
	view.setBigUint64(0, BigInt(headerBytes), true);
	let at = 8 + headerBytes;
	for (const [, { data }] of tensors) {
		const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
		for (const word of words) {
			view.setUint32(at, word, true);
			at += 4;
		}
	}
	return bytes;
}

function checkWritable(name: string, { dtype, shape, data }: HostTensor): void {
	if (name === METADATA) throw new ArgumentError(`"${METADATA}" is not a tensor name: the format keeps it for itself`);
	if (!(data instanceof ARRAY_TYPE[dtype])) {
		throw new DTypeError(`tensor "${name}": dtype ${dtype}, but its data is a ${data.constructor.name}`);
	}
	if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0) || product(shape) !== data.length) {
		throw new ShapeError(`tensor "${name}": shape [${shape}] does not hold ${data.length} values`);
	}
}

function product(shape: readonly number[]): number {
	return shape.reduce((count, size) => count * size, 1);
}

/**
 * How many bytes at the start of a safetensors file its header takes, with the 8 of its length.
 *
 * @param start at least the first 8 bytes of the file, if it has so many
 * @param fileBytes the size of the file
 * @throws FormatError if no file of this size starts like this
 */
export function safetensorsHeaderBytes(start: Uint8Array, fileBytes: number): number {
	if (start.length < 8)
		throw new FormatError(`not a safetensors file: ${start.length} bytes, the header's length takes 8`);
	const declared = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
	if (declared > MAX_HEADER_BYTES) {
		throw new FormatError(`not a safetensors file: it claims a header of ${declared} bytes, the format allows 100 MB`);
	}
	const dataStart = 8 + Number(declared);
	if (dataStart > fileBytes) {
		throw new FormatError(`truncated safetensors file: a header of ${declared} bytes in a file of ${fileBytes}`);
	}
	return dataStart;
}

/**
 * Reads the header of a safetensors file of which only the start is in memory.
 *
 * @param bytes the start of the file: at least its `safetensorsHeaderBytes`
 * @param fileBytes the size of the file
 * @throws FormatError as `loadSafetensors`, except for values that do not fit
 */
export function readSafetensorsHeader(bytes: Uint8Array, fileBytes: number): SafetensorsHeader {
	const dataStart = safetensorsHeaderBytes(bytes, fileBytes);
	const fields = parseHeader(bytes.subarray(8, dataStart));
	let metadata: Record<string, string> = Object.create(null);
	const entries: SafetensorsEntry[] = [];
	for (const [name, value] of Object.entries(fields)) {
		if (name === METADATA) metadata = readMetadata(value);
		else entries.push(readEntry(name, value));
	}
	checkSpans(entries, fileBytes - dataStart);
	return { entries, metadata, dataStart };
}

function parseHeader(bytes: Uint8Array): object {
	if (bytes[0] !== 0x7b) throw new FormatError('not a safetensors file: its header does not start with "{"');
	let text: string;
	let fields: unknown;
	try {
		text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
	} catch (cause) {
		throw new FormatError("safetensors header: not valid UTF-8", { cause });
	}
	try {
		fields = JSON.parse(text);
	} catch (cause) {
		throw new FormatError(`safetensors header: not valid JSON (${describe(cause)})`, { cause });
	}
	if (!isObject(fields)) throw new FormatError("safetensors header: not a JSON object");
	refuseDuplicateKeys(text);
	return fields;
}

/** JSON.parse keeps the last of two equal keys silently, so the keys of the (valid) text are read once more. */
function refuseDuplicateKeys(json: string): void {
	const open: Set<string>[] = [];
	for (let at = 0; at < json.length; at++) {
		if (json[at] === "{") open.push(new Set());
		else if (json[at] === "}") open.pop();
		else if (json[at] === '"') {
			const start = at;
			for (at++; json[at] !== '"'; at++) if (json[at] === "\\") at++;
			let next = at + 1;
			while (/\s/.test(json[next])) next++;
			if (json[next] !== ":") continue;
			const name: string = JSON.parse(json.slice(start, at + 1));
			const names = open.at(-1);
			if (names?.has(name)) throw new FormatError(`safetensors header: "${name}" occurs twice`);
			names?.add(name);
		}
	}
}

function readMetadata(value: unknown): Record<string, string> {
	if (!isObject(value)) throw new FormatError(`safetensors header: ${METADATA} is not an object`);
	const metadata: Record<string, string> = Object.create(null);
	for (const [key, text] of Object.entries(value)) {
		if (typeof text !== "string") throw new FormatError(`safetensors header: ${METADATA}, "${key}" is not a string`);
		metadata[key] = text;
	}
	return metadata;
}

function readEntry(name: string, value: unknown): SafetensorsEntry {
	const fail = (reason: string): never => {
		throw new FormatError(`safetensors tensor "${name}": ${reason}`);
	};
	if (!isObject(value)) return fail("its entry in the header is not an object");
	const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
	if (typeof dtype !== "string") return fail("its dtype is not a string");
	const valueBytes = DTYPE_BYTES.get(dtype);
	if (valueBytes === undefined) return fail(`dtype ${dtype} is not read (${[...DTYPE_BYTES.keys()].join(", ")} are)`);
	if (!isSizes(shape)) return fail(`shape ${JSON.stringify(shape)} is not a list of non-negative integers`);
	if (!isSizes(offsets) || offsets.length !== 2) {
		return fail(`data_offsets ${JSON.stringify(offsets)} are not two non-negative integers`);
	}
	const [begin, end] = offsets;
	if (begin > end) return fail(`data_offsets [${begin}, ${end}] run backwards`);
	// The running product catches an overflow that a later size of 0 would hide.
	shape.reduce((count, size) => {
		const next = count * size;
		return next * valueBytes <= Number.MAX_SAFE_INTEGER ? next : fail(`shape [${shape}] overflows`);
	}, 1);
	const needed = product(shape) * valueBytes;
	if (needed !== end - begin) {
		return fail(`shape [${shape}] of ${dtype} takes ${needed} bytes, its data_offsets span ${end - begin}`);
	}
	return { name, dtype, shape, begin, end };
}

/** The spans, in order, must tile the data section: each starts where the one before it ended. */
function checkSpans(entries: readonly SafetensorsEntry[], dataBytes: number): void {
	let at = 0;
	for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
		const span = `safetensors tensor "${name}": data_offsets [${begin}, ${end}]`;
		if (begin < at) throw new FormatError(`${span} overlap the tensor before, which ends at ${at}`);
		if (begin > at) throw new FormatError(`${span} leave a hole after byte ${at}`);
		if (end > dataBytes) throw new FormatError(`${span} exceed the ${dataBytes} bytes of data: the file is truncated`);
		at = end;
	}
	if (at !== dataBytes) {
		throw new FormatError(`safetensors file: ${dataBytes - at} bytes after the last tensor belong to none`);
	}
}

function isObject(value: unknown): value is object {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
	return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function describe(cause: unknown): string {
	return cause instanceof Error ? cause.message : String(cause);
}

/** Converts the bytes of one tensor. @param view exactly its values */
function readValues({ name, dtype, shape }: SafetensorsEntry, view: DataView): Pick<HostTensor, "dtype" | "data"> {
	const count = product(shape);
	if (dtype === "I64") return { dtype: "int32", data: narrowInt64(name, view, count) };
	if (dtype === "F64") return { dtype: "float32", data: narrowFloat64(name, view, count) };
	// The others are copied as bits, so that a NaN keeps its payload.
	const words = new Uint32Array(count);
	if (dtype === "F16") for (let i = 0; i < count; i++) words[i] = float16Bits(view.getUint16(2 * i, true));
	else if (dtype === "BF16") for (let i = 0; i < count; i++) words[i] = view.getUint16(2 * i, true) << 16;
	else for (let i = 0; i < count; i++) words[i] = view.getUint32(4 * i, true);
	if (dtype === "U32") return { dtype: "uint32", data: words };
	if (dtype === "I32") return { dtype: "int32", data: new Int32Array(words.buffer) };
	return { dtype: "float32", data: new Float32Array(words.buffer) };
}

/** The bits of a binary16 number as those of the equal binary32 number. */
function float16Bits(half: number): number {
	const sign = (half & 0x8000) << 16;
	const exponent = (half >> 10) & 0x1f;
	const fraction = half & 0x3ff;
	if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13);
	if (exponent !== 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
	if (fraction === 0) return sign;
	// Subnormal, fraction · 2^−24: shift the leading one up to bit 10, where it becomes implicit.
	const shift = Math.clz32(fraction) - 21;
	return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}

function narrowFloat64(name: string, view: DataView, count: number): Float32Array {
	const data = new Float32Array(count);
	for (let i = 0; i < count; i++) {
		const value = view.getFloat64(8 * i, true);
		data[i] = value;
		if (Number.isFinite(value) && !Number.isFinite(data[i])) {
			throw new FormatError(`safetensors tensor "${name}": value ${i}, ${value} (F64), does not fit float32`);
		}
	}
	return data;
}

function narrowInt64(name: string, view: DataView, count: number): Int32Array {
	const data = new Int32Array(count);
	for (let i = 0; i < count; i++) {
		const low = view.getInt32(8 * i, true);
		if (view.getInt32(8 * i + 4, true) !== low >> 31) {
			const value = view.getBigInt64(8 * i, true);
			throw new FormatError(`safetensors tensor "${name}": value ${i}, ${value} (I64), does not fit int32`);
		}
		data[i] = low;
	}
	return data;
}
