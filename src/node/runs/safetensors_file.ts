import { formatValue } from "../../base/arguments.js";
import { ArgumentError, FormatError, LimitError, StateDictError, TesseraError } from "../../base/errors.js";
import { type HostTensor, loadSafetensors, loadSafetensorsMetadata } from "../../io/safetensors.js";
import { readRegularFile } from "../files.js";

/** The contents of a safetensors file. */
export interface SafetensorsFile {
	readonly path: string;
	readonly tensors: Readonly<Record<string, HostTensor>>;
	readonly metadata: Readonly<Record<string, string>>;
}

/** @throws DataError if the file cannot be read, FormatError naming it if it is not a complete safetensors file */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
	return parseSafetensors(path, await readRegularFile(path));
}

/** @throws FormatError naming the file if these are not the bytes of a complete safetensors file */
export function parseSafetensors(path: string, bytes: Uint8Array): SafetensorsFile {
	try {
		return { path, tensors: loadSafetensors(bytes), metadata: loadSafetensorsMetadata(bytes) };
	} catch (cause) {
		if (!(cause instanceof FormatError)) throw cause;
		throw new FormatError(`"${path}": ${cause.message}`, { cause });
	}
}

/**
 * The shape of a tensor of weights, some of whose sizes are known.
 *
 * @param pattern sizes, undefined for any
 * @throws FormatError naming the file if the tensor is missing, of another shape, has no elements or is not float32
 */
export function shapeOf(
	{ path, tensors }: SafetensorsFile,
	name: string,
	pattern: readonly (number | undefined)[],
): readonly number[] {
	const tensor = tensors[name];
	if (tensor === undefined) {
		const names = Object.keys(tensors);
		const has = names.length === 0 ? "no tensors" : names.slice(0, 12).join(", ") + (names.length > 12 ? ", …" : "");
		throw new FormatError(`"${path}" has no tensor ${name}; it has ${has}.`);
	}
	const { shape, dtype } = tensor;
	const fits = shape.length === pattern.length && shape.every((size, i) => size > 0 && size === (pattern[i] ?? size));
	const wanted = `[${pattern.map((size) => size ?? "any").join(", ")}]`;
	if (!fits) throw new FormatError(`"${path}": ${name} has shape [${shape.join(", ")}], not ${wanted}.`);
	if (dtype !== "float32") throw new FormatError(`"${path}": ${name} is ${dtype}; weights are float32.`);
	return shape;
}

/**
 * How many numbered parts of a model, such as layers, a file has weights of.
 *
 * @param nameOf the name of a tensor of each part, by the part's number
 */
export function countParts({ tensors }: SafetensorsFile, nameOf: (part: number) => string): number {
	let count = 0;
	while (tensors[nameOf(count)] !== undefined) count++;
	return count;
}

/** @throws FormatError, without the file's name, if its metadata differs from its tensors */
export function checkAgrees(what: string, said: unknown, found: unknown): void {
	if (said !== found)
		throw new FormatError(
			`its metadata says ${what} ${formatValue(said)}, but its tensors have ${formatValue(found)}.`,
		);
}

/**
 * Calls `body`, which uses the contents of the file at a path.
 *
 * @throws FormatError, LimitError or StateDictError naming the file, instead of an error of `body` about its contents
 */
export function inFile<T>(path: string, body: () => T): T {
	try {
		return body();
	} catch (cause) {
		if (!(cause instanceof TesseraError) || cause.message.startsWith(`"${path}"`)) throw cause;
		const message = `"${path}": ${cause.message}`;
		if (cause instanceof LimitError) throw new LimitError(message, { cause });
		if (cause instanceof StateDictError) throw new StateDictError(message, { cause });
		if (cause instanceof ArgumentError || cause instanceof FormatError) throw new FormatError(message, { cause });
		throw cause;
	}
}
