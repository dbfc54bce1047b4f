import { open } from "node:fs/promises";
import { fileError, readFileIfThere } from "../files.js";

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
				await file.writeFile(metricsText(rows));
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

/**
 * The rows of a file of metrics. A last line without its end, which a killed process or a crash leaves, and lines that are not JSON
 * are left out.
 */
export async function readMetrics(path: string): Promise<Record<string, unknown>[]> {
	const text = (await readFileIfThere(path))?.toString() ?? "";
	const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
	return lines.flatMap((line) => {
		try {
			const row: unknown = JSON.parse(line);
			return typeof row === "object" && row !== null ? [row as Record<string, unknown>] : [];
		} catch {
			return [];
		}
	});
}

/** Rows as lines of JSON. */
export function metricsText(rows: readonly object[]): string {
	return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}
