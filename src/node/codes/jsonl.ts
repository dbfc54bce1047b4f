import { rm } from "node:fs/promises";
import { isPlainObject } from "../../base/arguments.js";
import { FormatError } from "../../base/errors.js";
import type { Announced, CodeBatch, CodeReader, CodeWriter, CompleteInfo } from "./code_set.js";
import { NewFile } from "./new_file.js";
import { asCode } from "./npy.js";
import { OldFile } from "./old_file.js";
import { readSidecar, sidecarOf, writeSidecar } from "./sidecar.js";

/** Longer lines are refused: no image has so many codes. */
const mostLineBytes = 2 ** 26;

/**
 * Writes a line {"class_id": n, "tokens": […], "name": "…"} for each image, as 1d-tokenizer does (without the name), and a sidecar
 * for what all images have in common. The tokens are the codes row by row, the levels of a position together.
 */
export async function writeJsonl(path: string, { info }: Announced): Promise<CodeWriter> {
	const file = await NewFile.create(path);
	const size = info.height * info.width * info.levels;
	return {
		async append({ count, codes, names, labels }) {
			const lines = Array.from({ length: count }, (_, i) => {
				const tokens = Array.from(codes.subarray(i * size, (i + 1) * size));
				return `${JSON.stringify({ class_id: labels?.[i], tokens, name: names?.[i] })}\n`;
			});
			await file.append(Buffer.from(lines.join("")));
		},
		async finish() {
			// An old sidecar must not describe the new file.
			await rm(sidecarOf(path), { force: true }).catch(() => undefined);
			await file.finish();
			await writeSidecar(path, { info, names: undefined, labels: undefined });
		},
		discard: () => file.discard(),
	};
}

/** @throws FormatError naming the file, DataError if it cannot be read */
export async function openJsonl(path: string): Promise<CodeReader> {
	const file = await OldFile.open(path);
	try {
		const sidecar = await readSidecar(path);
		return {
			info: sidecar?.info ?? {},
			count: await countLines(file),
			read: (together, info) => readLines(file, together, info),
			close: () => file.close(),
		};
	} catch (cause) {
		await file.close();
		throw cause;
	}
}

async function countLines(file: OldFile): Promise<number> {
	let count = 0;
	for await (const [, bytes] of file.lines(mostLineBytes)) if (!isEmpty(bytes)) count++;
	return count;
}

/** Whether a line has nothing but the first half of a Windows line end. */
function isEmpty(bytes: Buffer): boolean {
	return bytes.length === 0 || (bytes.length === 1 && bytes[0] === 13);
}

/** How many tokens the first line has; undefined if there is none. */
export async function tokensOfFirstLine(path: string): Promise<number | undefined> {
	const file = await OldFile.open(path);
	try {
		for await (const [line, bytes] of file.lines(mostLineBytes))
			if (!isEmpty(bytes)) return parseLine(path, line, bytes).tokens.length;
		return undefined;
	} finally {
		await file.close();
	}
}

async function* readLines(
	file: OldFile,
	together: number,
	{ height, width, levels }: CompleteInfo,
): AsyncGenerator<CodeBatch, void, undefined> {
	const size = height * width * levels;
	let images: JsonlImage[] = [];
	let before: { readonly line: number; readonly image: JsonlImage } | undefined;
	for await (const [line, bytes] of file.lines(mostLineBytes)) {
		if (isEmpty(bytes)) continue;
		const image = parseLine(file.path, line, bytes);
		if (image.tokens.length !== size)
			throw new FormatError(
				`"${file.path}", line ${line}: it has ${image.tokens.length} tokens, but ${height} × ${width} positions${levels > 1 ? ` of ${levels} levels` : ""} have ${size}.`,
			);
		for (const key of ["label", "name"] as const)
			if (before !== undefined && (image[key] === undefined) !== (before.image[key] === undefined))
				throw new FormatError(
					`"${file.path}", line ${line}: of the lines ${before.line} and ${line}, one has a ${key === "label" ? "class_id" : key} and the other has none.`,
				);
		before = { line, image };
		images.push(image);
		if (images.length < together) continue;
		yield batchOf(images, size);
		images = [];
	}
	if (images.length > 0) yield batchOf(images, size);
}

/** A line. */
interface JsonlImage {
	readonly tokens: readonly unknown[];
	readonly label: number | undefined;
	readonly name: string | undefined;
}

function parseLine(path: string, line: number, bytes: Buffer): JsonlImage {
	const fail = (reason: string): never => {
		throw new FormatError(`"${path}", line ${line}: ${reason}.`);
	};
	let found: unknown;
	try {
		found = JSON.parse(bytes.toString());
	} catch {
		return fail("it is not JSON; the file may be truncated");
	}
	if (!isPlainObject(found)) return fail("it is not an object with tokens");
	const { class_id: label, tokens, name } = found;
	if (!Array.isArray(tokens)) return fail("it has no list of tokens");
	if (label !== undefined && (typeof label !== "number" || !Number.isInteger(label) || label < 0))
		return fail(`its class_id is ${JSON.stringify(label)}, not the number of a class`);
	if (name !== undefined && typeof name !== "string") return fail("its name is not a text");
	return { tokens, label, name };
}

function batchOf(images: readonly JsonlImage[], size: number): CodeBatch {
	const codes = new Uint32Array(images.length * size);
	for (const [i, { tokens }] of images.entries())
		for (let at = 0; at < size; at++) {
			const token = tokens[at];
			codes[i * size + at] = asCode(typeof token === "number" ? token : -1);
		}
	const names = images.map(({ name }) => name).filter((name) => name !== undefined);
	const labels = images.map(({ label }) => label).filter((label) => label !== undefined);
	return {
		count: images.length,
		codes,
		names: names.length === images.length ? names : undefined,
		labels: labels.length === images.length ? labels : undefined,
	};
}
