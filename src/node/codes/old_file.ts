import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { DataError, FormatError } from "../../base/errors.js";
import { fileError, kindOf } from "../files.js";

/** A file that is read in parts. */
export class OldFile {
	private constructor(
		readonly path: string,
		/** In bytes. */
		readonly size: number,
		private readonly file: FileHandle,
	) {}

	/** @throws DataError if there is no such file, or it cannot be read */
	static async open(path: string): Promise<OldFile> {
		try {
			const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
			const found = await file.stat();
			if (found.isFile()) return new OldFile(path, found.size, file);
			await file.close();
			throw new DataError(`"${path}" is ${kindOf(found)}, not a file: choose a file.`);
		} catch (error) {
			throw fileError(path, error, "read");
		}
	}

	/** @returns the bytes from a position on: `length` of them, or fewer at the end of the file */
	async upTo(position: number, length: number): Promise<Buffer> {
		const bytes = Buffer.alloc(Math.max(0, Math.min(length, this.size - position)));
		try {
			for (let at = 0; at < bytes.length; ) {
				const { bytesRead } = await this.file.read(bytes, at, bytes.length - at, position + at);
				if (bytesRead === 0) throw new FormatError(`"${this.path}" became shorter while it was read: start again.`);
				at += bytesRead;
			}
		} catch (error) {
			throw fileError(this.path, error, "read");
		}
		return bytes;
	}

	/**
	 * The lines of the file, without their ends, and where they are.
	 *
	 * @param most bytes of a line
	 * @throws FormatError if a line is longer
	 */
	async *lines(most: number): AsyncGenerator<readonly [line: number, bytes: Buffer], void, undefined> {
		let rest: Buffer[] = [];
		let held = 0;
		let line = 1;
		for (let at = 0; at < this.size; ) {
			const part = await this.upTo(at, chunkBytes);
			at += part.length;
			let start = 0;
			for (let end = part.indexOf(newline); end >= 0; end = part.indexOf(newline, start)) {
				yield [line++, Buffer.concat([...rest, part.subarray(start, end)])];
				rest = [];
				held = 0;
				start = end + 1;
			}
			rest.push(part.subarray(start));
			held += part.length - start;
			if (held > most)
				throw new FormatError(`"${this.path}", line ${line}: it has more than ${most.toLocaleString("en-US")} bytes.`);
		}
		if (held > 0) yield [line, Buffer.concat(rest)];
	}

	async close(): Promise<void> {
		await this.file.close().catch(() => undefined);
	}
}

const newline = 10;
const chunkBytes = 2 ** 18;
