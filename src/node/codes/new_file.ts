import { randomBytes } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileError, makeFolder, syncFolder } from "../files.js";

/** A file that is written in parts, under a temporary name until it is complete. */
export class NewFile {
	/** The number of bytes so far. */
	length = 0;
	private isDone = false;

	private constructor(
		readonly path: string,
		private readonly temporary: string,
		private readonly file: FileHandle,
	) {}

	/** @throws DataError if it cannot be written */
	static async create(path: string): Promise<NewFile> {
		const folder = dirname(path);
		await makeFolder(folder);
		const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
		try {
			return new NewFile(path, temporary, await open(temporary, "wx"));
		} catch (error) {
			throw fileError(path, error, "written");
		}
	}

	/** Appends bytes. @throws DataError */
	async append(bytes: Uint8Array): Promise<void> {
		await this.write(bytes, this.length);
		this.length += bytes.length;
	}

	/** Writes over bytes from a position on. @throws DataError */
	async write(bytes: Uint8Array, position: number): Promise<void> {
		try {
			for (let at = 0; at < bytes.length; )
				at += (await this.file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
		} catch (error) {
			throw fileError(this.path, error, "written");
		}
	}

	/** Flushes the file to the disk and gives it its name. @throws DataError */
	async finish(): Promise<void> {
		try {
			await this.file.sync();
			await this.file.close();
			await rename(this.temporary, this.path);
			this.isDone = true;
			await syncFolder(dirname(this.path));
		} catch (error) {
			throw fileError(this.path, error, "written");
		}
	}

	/** Removes the temporary file, unless the file is complete. */
	async discard(): Promise<void> {
		if (this.isDone) return;
		await this.file.close().catch(() => undefined);
		await rm(this.temporary, { force: true }).catch(() => undefined);
	}
}
