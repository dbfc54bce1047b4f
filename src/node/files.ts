import { randomBytes } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { lstat, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import envPaths from "env-paths";
import { DataError, TesseraError } from "../base/errors.js";

/**
 * Writes a file so that other processes, and a reader after a crash, see the old content or the new, never a part: into
 * a temporary file in the same folder, flushed to the disk, then renamed, and the folder flushed. Makes the folder if it is
 * missing. On failure the temporary file is removed, and `path` is unchanged.
 *
 * @throws DataError with the path and the reason
 */
export async function writeFileAtomic(path: string, content: Uint8Array | string): Promise<void> {
	const folder = dirname(path);
	const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
	await makeFolder(folder).catch((cause) => {
		throw new DataError(`"${path}" could not be written: the folder ${cause.message}`, { cause });
	});
	try {
		const file = await open(temporary, "wx");
		try {
			await file.writeFile(content);
			await file.sync();
		} finally {
			await file.close();
		}
		await rename(temporary, path);
		await syncFolder(folder);
	} catch (error) {
		await rm(temporary, { force: true }).catch(() => undefined);
		throw fileError(path, error, "written");
	}
}

/**
 * Makes a folder and its parents, if they do not exist. Node's recursive mkdir never ends if a file system reports ENOENT
 * although the parent folder exists, as /proc does.
 *
 * @throws DataError with the path and the reason
 */
export async function makeFolder(path: string): Promise<void> {
	const isThere = () => isFolder(path).catch(() => false);
	if (await isThere()) return;
	const parent = dirname(path);
	if (parent !== path) await makeFolder(parent);
	try {
		await mkdir(path);
	} catch (error) {
		if (await isThere()) return; // made by another process in the meantime
		throw folderError(path, error);
	}
}

function folderError(path: string, cause: unknown): TesseraError {
	if (codeOf(cause) !== "ENOENT") return fileError(path, cause, "made");
	return new DataError(
		`"${path}" could not be made: its file system does not allow new folders there (ENOENT). Choose another folder.`,
		{ cause },
	);
}

/** Flushes a folder's list of names to the disk, which Windows does not support. */
export async function syncFolder(path: string): Promise<void> {
	if (process.platform === "win32") return;
	const folder = await open(path, "r");
	try {
		await folder.sync();
	} finally {
		await folder.close();
	}
}

/**
 * The bytes of a file. A link is followed. A folder, a fifo, a socket or a device is refused without waiting for data.
 *
 * @throws DataError with the path and the reason
 */
export async function readRegularFile(path: string): Promise<Buffer> {
	try {
		// Without O_NONBLOCK (which Windows does not have), opening a fifo waits until another process writes to it.
		const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
		try {
			const found = await file.stat();
			if (!found.isFile()) throw new DataError(`"${path}" is ${kindOf(found)}, not a file: choose a file.`);
			return await file.readFile();
		} finally {
			await file.close();
		}
	} catch (error) {
		throw fileError(path, error, "read");
	}
}

/**
 * The bytes of a file; undefined if there is neither a file nor a link of that name.
 *
 * @throws DataError as `readRegularFile` does
 */
export async function readFileIfThere(path: string): Promise<Buffer | undefined> {
	try {
		return await readRegularFile(path);
	} catch (error) {
		const cause = error instanceof Error ? error.cause : undefined;
		const code = codeOf(cause);
		if (code === "ENOTDIR") return undefined;
		if (code === "ENOENT" && !(await isLink(path))) return undefined;
		throw error;
	}
}

/**
 * Whether there is a folder at this path, or a link to one.
 *
 * @throws DataError with the path if this cannot be determined, or if it is a link to a missing file
 */
export async function isFolder(path: string): Promise<boolean> {
	try {
		return (await stat(path)).isDirectory();
	} catch (error) {
		const code = codeOf(error);
		if (code === "ENOTDIR" || (code === "ENOENT" && !(await isLink(path)))) return false;
		throw fileError(path, error, "read");
	}
}

async function isLink(path: string): Promise<boolean> {
	return lstat(path).then(
		(found) => found.isSymbolicLink(),
		() => false,
	);
}

/** The kind of something that is not a file, with its article. */
export function kindOf(found: Stats): string {
	if (found.isDirectory()) return "a folder";
	if (found.isFIFO()) return "a fifo";
	if (found.isSocket()) return "a socket";
	return "a device";
}

function codeOf(error: unknown): string | undefined {
	return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

/** What the codes of the operating system mean, as the end of a sentence "… could not be written: …". */
const REASONS: Readonly<Record<string, string>> = {
	EACCES: "permission denied",
	EEXIST: "something else has that name",
	EDQUOT: "the disk quota is used up; free some space or choose another folder",
	EFBIG: "the file is too large for the file system or the limits of this process",
	EISDIR: "it is a folder",
	ELOOP: "its symbolic links form a cycle",
	EMFILE: "too many files are open; raise the limit (ulimit -n)",
	ENAMETOOLONG: "the name is too long",
	ENOENT: "there is no such file, or it is a link to a missing file",
	ENOSPC: "the disk is full; free some space or choose another folder",
	ENOTDIR: "a part of the path is a file, not a folder",
	ENXIO: "it is a socket or a device, not a file",
	EPERM: "permission denied",
	EROFS: "the file system is read-only",
	ERR_FS_FILE_TOO_LARGE: "it has 2 GiB or more",
};

/** The error for a path that could not be read, written, listed or made. A TesseraError is returned unchanged. */
export function fileError(path: string, cause: unknown, done: "read" | "written" | "listed" | "made"): TesseraError {
	if (cause instanceof TesseraError) return cause;
	const code = codeOf(cause) ?? "";
	const reason = REASONS[code];
	const said = cause instanceof Error ? cause.message : String(cause);
	return new DataError(`"${path}" could not be ${done}: ${reason === undefined ? said : `${reason} (${code})`}.`, {
		cause,
	});
}

/** The folder for downloads: the environment variable TESSERA_CACHE, or else the platform's cache folder. */
export function cacheFolder(): string {
	const chosen = process.env.TESSERA_CACHE;
	return chosen ? resolve(chosen) : envPaths("tessera", { suffix: "" }).cache;
}
