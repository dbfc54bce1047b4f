import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import envPaths from "env-paths";

/**
 * Writes a file so that other processes, and a reader after a crash, see the old content or the new, never a part: into
 * a temporary file in the same folder, flushed to the disk, then renamed. Makes the folder where it is missing. On
 * failure the temporary file is removed, `path` is as it was, and the file system's error is thrown.
 */
export async function writeFileAtomic(path: string, content: Uint8Array | string): Promise<void> {
	const folder = dirname(path);
	await mkdir(folder, { recursive: true });
	const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
	try {
		const file = await open(temporary, "wx");
		try {
			await file.writeFile(content);
			await file.sync();
		} finally {
			await file.close();
		}
		await rename(temporary, path);
	} catch (error) {
		await rm(temporary, { force: true });
		throw error;
	}
}

/** The bytes of a file; nothing when there is no such file. */
export async function readFileIfThere(path: string): Promise<Uint8Array | undefined> {
	try {
		return await readFile(path);
	} catch (error) {
		const code = error instanceof Error && "code" in error ? error.code : undefined;
		if (code === "ENOENT" || code === "ENOTDIR") return undefined;
		throw error;
	}
}

/** Where downloads are kept: what the environment variable TESSERA_CACHE says, else the platform's cache folder. */
export function cacheFolder(): string {
	const chosen = process.env.TESSERA_CACHE;
	return chosen ? resolve(chosen) : envPaths("tessera", { suffix: "" }).cache;
}
