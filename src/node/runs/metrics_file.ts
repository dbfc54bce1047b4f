import { open } from "node:fs/promises";
import { fileError } from "../files.js";

/** Makes a file of one JSON object per line, or empties it. */
export async function clearMetrics(path: string): Promise<void> {
	await writeRows(path, "w", []);
}

/**
 * Appends all rows or none, so that the file always ends with a whole line.
 *
 * @throws DataError with the path, for example if the disk is full or the folder is gone
 */
export async function appendMetrics(path: string, rows: readonly object[]): Promise<void> {
	await writeRows(path, "a", rows);
}

async function writeRows(path: string, flags: "w" | "a", rows: readonly object[]): Promise<void> {
	try {
		const file = await open(path, flags);
		try {
			const { size } = await file.stat();
			try {
				await file.writeFile(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
			} catch (error) {
				await file.truncate(size).catch(() => undefined);
				throw error;
			}
		} finally {
			await file.close();
		}
	} catch (error) {
		throw fileError(path, error, "written");
	}
}
