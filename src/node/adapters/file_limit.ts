import { type FileHandle, open } from "node:fs/promises";
import { NoAdapterError } from "../../base/errors.js";

/** Twice the number of files that the Vulkan loader, a driver and Dawn open at once for a device, about. */
const filesToOpen = 24;

/**
 * The error for a process that has too many open files. Vulkan does not report this: it then finds no driver.
 *
 * @param cause what failed
 * @returns undefined if the process can open more files
 */
export async function outOfFiles(cause: unknown): Promise<NoAdapterError | undefined> {
	const handles: FileHandle[] = [];
	try {
		while (handles.length < filesToOpen) handles.push(await open(process.execPath));
		return undefined;
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code !== "EMFILE" && code !== "ENFILE") return undefined;
		return new NoAdapterError(
			`openDevice: a device needs about ${filesToOpen / 2} open files, but the ${code === "EMFILE" ? "process" : "system"} is at its limit (${code}). Close files, read fewer at once, or raise the limit with ulimit -n.`,
			{ cause },
		);
	} finally {
		for (const handle of handles) await handle.close();
	}
}
