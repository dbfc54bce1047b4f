import { extname } from "node:path";
import { formatValue } from "../../base/arguments.js";
import { ArgumentError, FormatError } from "../../base/errors.js";
import type { Announced, CodeBatch, CodeReader, CodeWriter, CompleteInfo } from "./code_set.js";
import { openJsonl, writeJsonl } from "./jsonl.js";
import { openNpy, writeNpy } from "./npy.js";
import { openSafetensors, writeSafetensors } from "./safetensors.js";

/** A format of files of codes. */
interface CodeFormat {
	readonly open: (path: string) => Promise<CodeReader>;
	readonly write: (path: string, announced: Announced) => Promise<CodeWriter>;
}

/** By the ends of files' names. */
const formats: Readonly<Record<string, CodeFormat>> = {
	".safetensors": { open: openSafetensors, write: writeSafetensors },
	".npy": { open: openNpy, write: writeNpy },
	".jsonl": { open: openJsonl, write: writeJsonl },
};

/**
 * The format of a file of codes.
 *
 * @param argument what names the file, such as "tessera encode: --out"
 * @throws ArgumentError if its name ends otherwise
 */
export function codeFormatOf(argument: string, path: string): CodeFormat {
	const format = formats[extname(path).toLowerCase()];
	if (format === undefined)
		throw new ArgumentError(`${argument} must end in .safetensors, .npy or .jsonl, but is ${formatValue(path)}.`);
	return format;
}

/**
 * Checks that all codes are below K.
 *
 * @param first the number of the batch's first image in the file
 * @throws FormatError naming the first code that is not
 */
export function checkCodesInRange(
	path: string,
	{ codes, names }: CodeBatch,
	first: number,
	{ height, width, levels, codes: most }: CompleteInfo,
): void {
	const wrong = codes.findIndex((code) => code >= most);
	if (wrong < 0) return;
	const size = height * width * levels;
	const image = Math.floor(wrong / size);
	const position = Math.floor((wrong % size) / levels);
	const name = names === undefined ? "" : ` (${formatValue(names[image])})`;
	const level = levels > 1 ? `, level ${wrong % levels}` : "";
	const value = codes[wrong] === 2 ** 32 - 1 ? "it is no whole number of at least 0" : `it is ${codes[wrong]}`;
	throw new FormatError(
		`"${path}": the code of image ${first + image}${name}, row ${Math.floor(position / width)}, column ${position % width}${level}, must be below ${most}, the number of codes, but ${value}.`,
	);
}
