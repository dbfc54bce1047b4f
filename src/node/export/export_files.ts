import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../../base/errors.js";
import { fileError, kindOf, writeFileAtomic } from "../files.js";
import { readRunConfig } from "../runs/run_config.js";

/** A folder that files are written to. */
export interface Target {
	/** The option that names it, for messages. */
	readonly option: string;
	readonly folder: string;
	/** The names of the files. */
	readonly names: readonly string[];
}

/** The names of entries that a message lists. */
const mostListed = 4;

/**
 * Checks a folder before anything is computed. It may be missing, or empty but for hidden files, such as those of Git.
 *
 * @param overwrite whether it may have other files, and those that are written
 * @throws DataError if it has files, is the folder of a run that would be overwritten, or no folder
 */
export async function checkTarget({ option, folder, names }: Target, overwrite: boolean): Promise<void> {
	const found = await stat(folder).catch((error: NodeJS.ErrnoException) => {
		if (error.code === "ENOENT") return undefined;
		throw fileError(folder, error, "read");
	});
	if (found === undefined) return;
	if (!found.isDirectory())
		throw new DataError(
			`${option} must be a folder, but "${folder}" is ${found.isFile() ? "a file" : kindOf(found)}: name another one.`,
		);
	const entries = await readdir(folder).catch((error) => {
		throw fileError(folder, error, "listed");
	});
	const visible = entries.filter((name) => !name.startsWith(".")).sort();
	if (names.includes("config.json") && (entries.includes("metrics.jsonl") || (await hasRunConfig(folder))))
		throw new DataError(
			`${option} "${folder}" is the folder of a run, whose config.json would be overwritten: choose another folder.`,
		);
	if (visible.length === 0 || overwrite) return;
	const listed = visible.slice(0, mostListed).join(", ") + (visible.length > mostListed ? ", …" : "");
	throw new DataError(
		`${option} "${folder}" is not empty (${listed}): choose another folder, or give --overwrite to replace ${names.join(", ")} there and leave the rest.`,
	);
}

async function hasRunConfig(folder: string): Promise<boolean> {
	return readRunConfig(folder).then(
		() => true,
		() => false,
	);
}

/** A file that was written. */
export interface WrittenFile {
	readonly path: string;
	readonly bytes: number;
	readonly sha256: string;
}

/** Writes files, each completely or not at all. */
export async function writeFiles(
	folder: string,
	files: Readonly<Record<string, Uint8Array | string>>,
): Promise<WrittenFile[]> {
	const written: WrittenFile[] = [];
	for (const [name, content] of Object.entries(files)) {
		const path = join(folder, name);
		const bytes = typeof content === "string" ? Buffer.from(content) : content;
		await writeFileAtomic(path, bytes);
		written.push({ path, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") });
	}
	return written;
}
